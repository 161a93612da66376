"""The contracts of encoders and decoders, over all of them, and the model's terms."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from textvae.component import Component, describe
from textvae.decoders import ConvolutionalDecoder, Decoder
from textvae.decoders.recurrent import RecurrentDecoder
from textvae.encoders import Encoder
from textvae.encoders.recurrent import RecurrentEncoder
from textvae.errors import UsageError
from textvae.posteriors import GaussianPosterior, Posterior, VonMisesFisherPosterior
from textvae.priors import Prior, StandardNormal, UniformSphere
from textvae.types import BOS, EOS, Batch
from textvae.vae import SentenceVAE

from .helpers import leaves

VOCAB = 11


def sentences(lengths: list[int], width: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Random sentences that end in ``</s>``, padded to `width`."""
    torch.manual_seed(1)
    x = torch.zeros(len(lengths), width or max(lengths), dtype=torch.long)
    for row, length in enumerate(lengths):
        x[row, :length] = torch.randint(4, VOCAB, (length,))
        x[row, length - 1] = EOS
    return x, torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]


def batch(lengths: list[int]) -> Batch:
    x, mask = sentences(lengths)
    return Batch(x, mask, x, mask, torch.arange(len(lengths)))


RECURRENT_ENCODERS = [E for E in leaves(Encoder) if issubclass(E, RecurrentEncoder)]
RECURRENT_DECODERS = [D for D in leaves(Decoder) if issubclass(D, RecurrentDecoder)]
"""The others have tests of their own."""

ENCODERS = [
    (E, options)
    for E in RECURRENT_ENCODERS
    for options in (
        {},
        {"pooling": "mean"},
        {"pooling": "max", "num_layers": 2},
        {"bidirectional": True},
        {"bidirectional": True, "pooling": "max", "num_layers": 2},
    )
]
DECODERS = [
    (D, options)
    for D in RECURRENT_DECODERS
    for options in (
        {},
        {"inject": "state"},
        {"inject": "input"},
        {"num_layers": 2},
        {"tie_embeddings": True},
        {"tie_embeddings": True, "projection": True},
        {"projection": True},
    )
]
OWN_DECODERS = [*RECURRENT_DECODERS, ConvolutionalDecoder]
DECODERS += [
    (ConvolutionalDecoder, options)
    for options in ({}, {"width": 1}, {"width": 9}, {"tie_embeddings": True})
]


@pytest.mark.parametrize(("E", "options"), ENCODERS)
def test_encoder_contract(E: type[Encoder], options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    encoder = E(VOCAB, embedding_size=6, hidden_size=8, **options).double()
    x, mask = sentences([3, 1, 6, 6])
    h = encoder(x, mask)

    assert h.shape == (4, encoder.out_features)
    # Neither padding nor the order of the batch nor its company changes the result.
    wide, wide_mask = torch.nn.functional.pad(x, (0, 5)), torch.nn.functional.pad(mask, (0, 5))
    torch.testing.assert_close(encoder(wide, wide_mask), h)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(encoder(x[order], mask[order]), h[order])
    torch.testing.assert_close(encoder(x[:1, :3], mask[:1, :3]), h[:1])
    # What padding holds is nobody's business.
    torch.testing.assert_close(encoder(x.masked_fill(~mask, 7), mask), h)

    h.pow(2).sum().backward()
    assert all(p.grad is not None and p.grad.norm() > 0 for p in encoder.parameters())


def make_decoder(D: type[Decoder], options: dict[str, Any], latent_dim: int = 4) -> Decoder:
    torch.manual_seed(0)
    return D(VOCAB, latent_dim, embedding_size=8, hidden_size=8, **options).double()


@pytest.mark.parametrize(("D", "options"), DECODERS)
def test_step_repeated_equals_teacher_forcing(D: type[Decoder], options: dict[str, Any]) -> None:
    decoder = make_decoder(D, options).eval()
    x, mask = sentences([3, 1, 6])
    z = torch.randn(2, 3, 4, dtype=torch.float64)

    for s in range(2):
        total, state = torch.zeros(3, dtype=torch.float64), decoder.start(z[s])
        tokens = torch.full((3,), BOS)
        for t in range(x.shape[1]):
            logits, state = decoder.step(tokens, state)
            tokens = x[:, t]
            log_prob = logits.log_softmax(dim=-1).gather(1, tokens[:, None])[:, 0]
            total = total + log_prob.where(mask[:, t], 0.0)
            assert all(len(value) == 3 for value in state.values())
        torch.testing.assert_close(decoder.log_prob(x, mask, z)[s], total)


@pytest.mark.parametrize(("D", "options"), DECODERS)
def test_decoder_contract(D: type[Decoder], options: dict[str, Any]) -> None:
    decoder = make_decoder(D, options)
    x, mask = sentences([3, 1, 6])
    z = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    log_prob = decoder.log_prob(x, mask, z)

    assert log_prob.shape == (2, 3) and (log_prob < 0).all()
    log_prob.sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.norm() > 0, name
    assert (z.grad.norm(dim=-1) > 0).all()

    decoder.eval()
    first = decoder.log_prob(x, mask, z)
    torch.testing.assert_close(decoder.log_prob(x.masked_fill(~mask, 7), mask, z), first)
    wide, wide_mask = torch.nn.functional.pad(x, (0, 5)), torch.nn.functional.pad(mask, (0, 5))
    torch.testing.assert_close(decoder.log_prob(wide, wide_mask, z), first)
    torch.testing.assert_close(decoder.log_prob(x[:1, :3], mask[:1, :3], z[:, :1]), first[:, :1])


@pytest.mark.parametrize("D", OWN_DECODERS)
def test_decoder_probabilities_sum_to_one(D: type[Decoder]) -> None:
    """Over all sentences of at most two words, and those that go on, by enumeration."""
    decoder = make_decoder(D, {}).eval()
    z = torch.randn(1, 1, 4, dtype=torch.float64)
    words = [token for token in range(VOCAB) if token != EOS]

    def probability(prefixes: list[list[int]]) -> float:
        x = torch.tensor(prefixes)
        mask = torch.ones_like(x, dtype=torch.bool)
        return decoder.log_prob(x, mask, z.expand(1, len(x), 4)).exp().sum().item()

    ended = probability([[EOS]]) + probability([[a, EOS] for a in words])
    open_ended = probability([[a, b] for a in words for b in words])
    assert ended + open_ended == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("D", OWN_DECODERS)
def test_the_future_does_not_change_the_past(D: type[Decoder]) -> None:
    decoder = make_decoder(D, {}).eval()
    x, mask = sentences([6])
    z = torch.randn(1, 1, 4, dtype=torch.float64)
    other = x.clone()
    other[:, 3:5] = other[:, 3:5].flip(1) - 1
    upto = mask.clone()
    upto[:, 3:] = False

    torch.testing.assert_close(decoder.log_prob(other, upto, z), decoder.log_prob(x, upto, z))
    assert not torch.allclose(decoder.log_prob(other, mask, z), decoder.log_prob(x, mask, z))


@pytest.mark.parametrize("D", OWN_DECODERS)
def test_word_dropout_is_for_training(D: type[Decoder]) -> None:
    rates = {"word_dropout": 0.9, "input_dropout": 0.0, "output_dropout": 0.0}
    dropping, plain = make_decoder(D, rates), make_decoder(D, {**rates, "word_dropout": 0.0})
    x, mask = sentences([6, 6])
    z = torch.randn(1, 2, 4, dtype=torch.float64)

    assert not torch.allclose(dropping.log_prob(x, mask, z), plain.log_prob(x, mask, z))
    torch.testing.assert_close(
        dropping.eval().log_prob(x, mask, z), plain.eval().log_prob(x, mask, z)
    )


@pytest.mark.parametrize("D", OWN_DECODERS)
def test_decoder_refuses_to_tie_unequal_sizes(D: type[Decoder]) -> None:
    with pytest.raises(ValueError, match="'tie_embeddings' needs .* got 8 and 9"):
        D(VOCAB, 4, embedding_size=8, hidden_size=9, tie_embeddings=True)


@pytest.mark.parametrize("D", RECURRENT_DECODERS)
def test_a_projection_ties_unequal_sizes(D: type[Decoder]) -> None:
    """The logits are the product of the embedding and W h + b, where |h| may be another."""
    torch.manual_seed(0)
    decoder = D(VOCAB, 4, embedding_size=6, hidden_size=9, tie_embeddings=True, projection=True)
    decoder = decoder.double().eval()
    sizes = {name: tuple(p.shape) for name, p in decoder.named_parameters()}
    assert sizes["embedding.weight"] == (VOCAB, 6) and "to_logits.weight" not in sizes
    assert sizes["projection.weight"] == (6, 9) and sizes["projection.bias"] == (6,)

    torch.nn.init.normal_(decoder.projection.bias)
    logits, state = decoder.step(torch.tensor([5, 7]), decoder.start(torch.randn(2, 4).double()))
    h = state["hidden"][:, -1]  # (B, H), of the last layer
    mapped = h @ decoder.projection.weight.T + decoder.projection.bias
    torch.testing.assert_close(logits, mapped @ decoder.embedding.weight.T)


@pytest.mark.parametrize("ranges", [{}, {"init_range": 0.05, "embedding_range": 0.1}])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("D", RECURRENT_DECODERS)
def test_a_projection_begins_near_ignorance(D: type[Decoder], tied: bool, ranges: dict) -> None:
    """Within half a nat a token of log V, whatever the size of the embeddings."""
    torch.manual_seed(0)
    decoder = D(1_000, 4, 64, 64, tie_embeddings=tied, projection=True, **ranges).eval()
    x = torch.randint(4, 1_000, (8, 12))
    nll = -decoder.log_prob(x, torch.ones_like(x, dtype=torch.bool), torch.randn(1, 8, 4)) / 12
    assert abs(nll.mean().item() - math.log(1_000)) < 0.5


@pytest.mark.parametrize("width", [1, 2, 3, 6, 8, 13])
def test_a_convolutional_decoder_sees_so_many_words(width: int) -> None:
    """By the gradient of a prediction: it reaches `width` inputs, all of them, and no more."""
    decoder = make_decoder(ConvolutionalDecoder, {"width": width}).eval()
    length, at = 16, 14
    x, _ = sentences([length])
    only = torch.arange(length)[None] == at  # the prediction of x[14], from x[13], x[12] ...
    seen = []
    decoder.embedding.register_forward_hook(lambda *call: seen.append(call[2]))
    z = torch.randn(1, 1, 4, dtype=torch.float64)
    log_prob = decoder.log_prob(x, only, z)
    reached = torch.autograd.grad(log_prob.sum(), seen[0])[0][0].norm(dim=-1) > 0

    # Input t is x[t - 1], the first one <s>.
    assert reached.nonzero().flatten().tolist() == [*range(at - width + 1, at + 1)]
    with pytest.raises(ValueError, match="'width' must be at least 1, got 0"):
        ConvolutionalDecoder(VOCAB, 4, width=0)


@pytest.mark.parametrize("cls", [*RECURRENT_ENCODERS, *OWN_DECODERS])
def test_benchmark_initialisation(cls: type) -> None:
    sizes = (VOCAB,) if issubclass(cls, Encoder) else (VOCAB, 4)
    module = cls(*sizes, init_range=0.01, embedding_range=0.1)

    for name, parameter in module.named_parameters():
        assert parameter.abs().max() <= (0.1 if "embedding" in name else 0.01), name


def make_vae() -> SentenceVAE:
    from textvae.decoders import GRUDecoder
    from textvae.encoders import GRUEncoder

    torch.manual_seed(0)
    return SentenceVAE(
        GRUEncoder(VOCAB, 6, 8),
        GaussianPosterior(8, 4),
        StandardNormal(4),
        GRUDecoder(VOCAB, 4, 6, 8),
    ).eval()


def test_terms() -> None:
    vae, data = make_vae(), batch([3, 1, 6])
    terms = vae(data, num_samples=5)
    reference = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)

    assert terms.z.shape == (5, 3, 4)
    assert terms.log_px_z.shape == terms.log_pz.shape == terms.log_qz_x.shape == (5, 3)
    assert terms.num_tokens.tolist() == [3, 1, 6]
    torch.testing.assert_close(terms.kl, kl_divergence(terms.q, reference))
    torch.testing.assert_close(terms.kl_per_dim.sum(dim=-1), terms.kl)
    torch.testing.assert_close(terms.log_pz, reference.log_prob(terms.z))
    torch.testing.assert_close(terms.log_qz_x, terms.q.log_prob(terms.z))
    torch.testing.assert_close(vae.encode(data), terms.q.mean)


def test_stop_score_keeps_values_and_drops_the_gradients_of_parameters() -> None:
    vae, data = make_vae(), batch([3, 1, 6])
    torch.manual_seed(0)
    plain = vae(data, num_samples=2)
    torch.manual_seed(0)
    stopped = vae(data, num_samples=2, stop_score=True)

    torch.testing.assert_close(stopped.log_qz_x, plain.log_qz_x)
    # With z fixed, nothing of the density is left to differentiate.
    weight = vae.posterior.project.weight
    detached = stopped.q.log_prob(stopped.z.detach()).sum()
    assert torch.autograd.grad(detached, weight, retain_graph=True)[0].norm() > 0
    score, total = torch.autograd.grad(
        stopped.log_qz_x.sum(), (stopped.z, weight), retain_graph=True
    )
    through_z = torch.autograd.grad(stopped.z, weight, grad_outputs=score)[0]
    torch.testing.assert_close(total, through_z)


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_is_locked_on_request_where_words_come_in_and_go_out(locked: bool) -> None:
    from textvae.decoders import LSTMDecoder

    decoder, alike = LSTMDecoder(VOCAB, 4, 16, 16, locked_dropout=locked), []
    for module in (decoder.input_dropout, decoder.output_dropout):
        module.register_forward_hook(
            lambda _, __, y: alike.append(((y == 0) == (y[:, :1] == 0)).all().item())
        )
    decoder.log_prob(*sentences([9, 9, 9]), torch.randn(1, 3, 4))

    assert alike == [locked, locked]


def test_a_language_model_has_no_latent() -> None:
    from textvae.decoders import LSTMDecoder

    vae = SentenceVAE(None, None, None, LSTMDecoder(VOCAB, 0, 6, 8))
    terms = vae(batch([3, 1]))

    assert vae.latent_dim == 0 and terms.q is None and terms.z.shape == (1, 2, 0)
    assert terms.kl.tolist() == [0, 0] and terms.log_px_z.shape == (1, 2)
    with pytest.raises(ValueError, match="all given, or all None"):
        SentenceVAE(None, None, StandardNormal(4), LSTMDecoder(VOCAB, 4, 6, 8))


class WideNormal(Prior):
    def forward(self) -> MultivariateNormal:
        return MultivariateNormal(torch.zeros(self.latent_dim), 4 * torch.eye(self.latent_dim))


@pytest.mark.parametrize(
    ("P", "prior", "fits"),
    [
        (GaussianPosterior, StandardNormal, True),
        (GaussianPosterior, WideNormal, True),
        (GaussianPosterior, UniformSphere, False),
        (VonMisesFisherPosterior, UniformSphere, True),
        (VonMisesFisherPosterior, StandardNormal, False),
    ],
)
def test_a_prior_of_another_space_is_refused(
    P: type[Posterior], prior: type[Prior], fits: bool
) -> None:
    encoder, decoder = RECURRENT_ENCODERS[0](VOCAB, 6, 8), RECURRENT_DECODERS[0](VOCAB, 4, 6, 8)
    state = torch.get_rng_state()
    parts = (encoder, P(8, 4), prior(4), decoder)
    torch.set_rng_state(state)
    if fits:
        assert SentenceVAE(*parts)(batch([3, 1])).kl.shape == (2,)
        return
    with pytest.raises(
        UsageError, match=f"{prior.__name__} is no prior for {P.__name__}: .* take"
    ):
        SentenceVAE(*parts)
    assert torch.equal(torch.get_rng_state(), state)


def test_components_describe_how_they_were_built() -> None:
    described = describe(GaussianPosterior(8, latent_dim=4))

    assert described["class_path"] == "textvae.posteriors.gaussian.GaussianPosterior"
    assert described["init_args"]["in_features"] == 8 and described["init_args"]["latent_dim"] == 4
    with pytest.raises(TypeError, match="Cannot write"):
        describe(object())


class Plain(Component):
    """Without a constructor."""


class Open(Component):
    def __init__(self, size: int, **options: int) -> None:
        self.size, self.options = size, options


def test_components_are_built_again_from_their_description() -> None:
    for component in (Plain(), Open(3, width=4)):
        arguments = describe(component)["init_args"]
        assert vars(type(component)(**arguments)) == vars(component)


def test_a_batch_moves_whole() -> None:
    data = batch([3, 1])
    moved = data.to("meta")

    assert len(data) == 2 and moved.label is None
    tensors = [getattr(moved, f.name) for f in dataclasses.fields(moved) if f.name != "label"]
    assert all(tensor.device.type == "meta" for tensor in tensors)
