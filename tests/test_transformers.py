"""Transformers as encoders and decoders, at toy size, against the library's own models."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from textvae.decoders import TransformerDecoder
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import BOS, EOS, Batch
from textvae.vae import SentenceVAE

from .transformer_pairs import (
    ENCODERS,
    EXACT,
    INJECTIONS,
    LATENT,
    dtype_of,
    make_decoder,
    make_encoder,
    sentences,
)

CAUSAL = [(name, ways) for name in ("gpt2", "llama", "qwen2", "xglm") for ways in INJECTIONS]
PAIRS = [(name, ways) for name in ("t5", "bart") for ways in (None, *INJECTIONS[2:])]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "last", "attention"])
def test_encoder_contract(name: str, pooling: str) -> None:
    encoder = make_encoder(name, pooling=pooling)
    x, mask = sentences(3, 1, 6, 6)
    h = encoder(x, mask)

    assert h.shape == (4, encoder.out_features)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(encoder(x[order], mask[order]), h[order], **EXACT)
    torch.testing.assert_close(encoder(x[:1, :3], mask[:1, :3]), h[:1], **EXACT)
    torch.testing.assert_close(encoder(x.masked_fill(~mask, 7), mask), h, **EXACT)
    for side in ((0, 5), (5, 0), (2, 2)):
        torch.testing.assert_close(encoder(F.pad(x, side), F.pad(mask, side)), h, **EXACT)
    assert not torch.allclose(h[2], h[3])


@pytest.mark.parametrize("name", ENCODERS)
def test_every_parameter_of_an_encoder_learns(name: str) -> None:
    encoder = make_encoder(name)
    x, mask = sentences(3, 6)
    # A norm's sum is constant, so that plain sums would hide what lies behind it.
    encoder(x, mask).pow(3).sum().backward()

    for label, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.norm() > 0, label


@pytest.mark.parametrize(("name", "inject"), [*CAUSAL, *PAIRS])
def test_step_repeated_equals_teacher_forcing(name: str, inject: list[str] | None) -> None:
    decoder = make_decoder(name, inject)
    x, mask = sentences(3, 1, 6)
    z = torch.randn(2, 3, LATENT, dtype=dtype_of(name))
    log_prob = decoder.log_prob(x, mask, z)

    for s in range(2):
        total, state = z.new_zeros(3), decoder.start(z[s])
        tokens = torch.full((3,), BOS)
        for t in range(x.shape[1]):
            logits, state = decoder.step(tokens, state)
            tokens = x[:, t]
            found = logits.log_softmax(dim=-1).gather(1, tokens[:, None])[:, 0]
            total = total + found.where(mask[:, t], 0.0)
            assert all(len(value) == 3 for value in state.values())
        torch.testing.assert_close(log_prob[s], total, **EXACT)
    assert not torch.allclose(log_prob[0], log_prob[1], rtol=1e-3)  # it depends on z


@pytest.mark.parametrize(("name", "inject"), [*CAUSAL, *PAIRS])
def test_decoder_contract(name: str, inject: list[str] | None) -> None:
    decoder = make_decoder(name, inject)
    x, mask = sentences(3, 1, 6)
    z = torch.randn(2, 3, LATENT, dtype=dtype_of(name), requires_grad=True)
    log_prob = decoder.log_prob(x, mask, z)

    assert log_prob.shape == (2, 3) and (log_prob < 0).all()
    log_prob.sum().backward()
    assert (z.grad.norm(dim=-1) > 0).all()
    if name != "bart":  # of whose position table two rows are spare
        for label, parameter in decoder.named_parameters():
            assert parameter.grad is not None and parameter.grad.norm() > 0, label
    for side in ((0, 5), (5, 0), (2, 2)):
        padded = decoder.log_prob(F.pad(x, side), F.pad(mask, side), z)
        torch.testing.assert_close(padded, log_prob, **EXACT)
    alone = decoder.log_prob(x[:1, :3], mask[:1, :3], z[:, :1])
    torch.testing.assert_close(alone, log_prob[:, :1], **EXACT)


@pytest.mark.parametrize(
    ("name", "inject"), [("gpt2", INJECTIONS[-1]), ("llama", None), ("t5", None)]
)
def test_the_future_does_not_change_the_past(name: str, inject: list[str] | None) -> None:
    decoder = make_decoder(name, inject)
    x, mask = sentences(6)
    z = torch.randn(1, 1, LATENT, dtype=torch.float64)
    other, upto = x.clone(), mask.clone()
    other[:, 3:6] = x[:, [5, 4, 3]]
    upto[:, 3:] = False

    torch.testing.assert_close(decoder.log_prob(other, upto, z), decoder.log_prob(x, upto, z))
    assert not torch.allclose(decoder.log_prob(other, mask, z), decoder.log_prob(x, mask, z))


def make_vae(encoder: str, decoder: str, inject: list[str] | None) -> SentenceVAE:
    e = make_encoder(encoder)
    q = GaussianPosterior(e.out_features, LATENT)
    return SentenceVAE(e, q, StandardNormal(LATENT), make_decoder(decoder, inject)).double().eval()


def by_hand(decoder: TransformerDecoder, sentence: list[int], z: Tensor) -> Tensor:
    """log p(x | z) word after word through the library's whole model, which keeps no cache."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = dict(decoder.stored_args()["config"])
    config = AutoConfig.for_model(config.pop("model_type"), **config)
    pair = config.is_encoder_decoder
    whole = (AutoModelForSeq2SeqLM if pair else AutoModelForCausalLM).from_config(config)
    whole.set_output_embeddings(decoder.to_logits)
    if pair:
        whole.base_model.decoder = decoder.model
    else:
        setattr(whole, whole.base_model_prefix, decoder.model)
    whole.double().eval()

    added = decoder.ways["embedding"](z) if "embedding" in decoder.ways else 0.0
    before = z.new_zeros(0, decoder.model.get_input_embeddings().embedding_dim)
    if "prefix" in decoder.ways:
        before = decoder.ways["prefix"](z).view(decoder.slots, -1)
    total = z.new_zeros(())
    for t, token in enumerate(sentence):
        read = torch.tensor([BOS, *sentence[:t]])
        embedded = decoder.model.get_input_embeddings()(read) + added
        inputs = torch.cat([before, embedded])[None]
        if pair:
            seen = decoder.ways["cross"](z).view(1, decoder.slots, -1)
            logits = whole(encoder_outputs=(seen,), decoder_inputs_embeds=inputs).logits
        else:
            logits = whole(inputs_embeds=inputs, use_cache=False).logits
        total = total + logits[0, -1].log_softmax(dim=0)[token]
    return total


@pytest.mark.parametrize(
    ("encoder", "decoder", "inject"),
    [
        ("bert", "gpt2", ["prefix", "embedding"]),
        ("modernbert", "llama", ["prefix"]),
        ("t5", "t5", None),
        ("distilbert", "bart", ["embedding"]),
    ],
)
@torch.no_grad()
def test_terms_are_what_a_loop_by_hand_finds(
    encoder: str, decoder: str, inject: list[str] | None
) -> None:
    vae = make_vae(encoder, decoder, inject)
    x, mask = sentences(3, 1, 6)
    terms = vae(Batch(x, mask, x, mask, torch.arange(3)), num_samples=2)

    for s in range(2):
        for row, length in enumerate((3, 1, 6)):
            found = by_hand(vae.decoder, x[row, :length].tolist(), terms.z[s, row])
            torch.testing.assert_close(terms.log_px_z[s, row], found, **EXACT)


@torch.no_grad()
def test_memory_is_the_past_of_every_layer() -> None:
    from transformers import DynamicCache

    decoder = make_decoder("gpt2", ["memory"])
    x, mask = sentences(6)
    z = torch.randn(1, LATENT, dtype=torch.float64)
    keys_and_values = decoder.ways["memory"](z).view(decoder.slots, 2, 2, 2, 4)
    past = DynamicCache()
    for i in range(2):  # (M, layer, key or value, head, size)
        keys, values = keys_and_values[:, i].permute(1, 2, 0, 3)[:, None]
        past.update(keys, values, i)
    read = torch.cat([torch.tensor([[BOS]]), x[:, :-1]], dim=1)
    h = decoder.model(input_ids=read, past_key_values=past).last_hidden_state
    found = decoder.to_logits(h).log_softmax(dim=-1)[0, torch.arange(6), x[0]].sum()

    torch.testing.assert_close(decoder.log_prob(x, mask, z[None])[0, 0], found)


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_search_finds_what_it_would_find_without_a_cache(strategy: str) -> None:
    """Rows leave the batch, and beams change places, with their keys and values."""
    from textvae.decoding import decode

    decoder = make_decoder("gpt2", INJECTIONS[-1])
    z = 2 * torch.randn(5, LATENT, dtype=torch.float64)

    class Forgetful:
        """Reads the whole sentence anew at each step."""

        latent_dim = LATENT

        def start(self, z: Tensor) -> dict[str, Tensor]:
            return {"z": z, "read": torch.zeros(len(z), 0, dtype=torch.long)}

        def step(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict]:
            read, z = torch.cat([state["read"], tokens[:, None]], dim=1), state["z"]
            inputs = decoder._add(decoder._embed(read), z)
            inputs = torch.cat([decoder._prefix(z), inputs], dim=1)
            h, _ = decoder._run(inputs, z, decoder._memory(z), keep=False)
            return decoder._logits(h[:, -1]), {"z": z, "read": read}

    options = {"seed": 0} if strategy == "sample" else {}
    found = decode(decoder, z, strategy, max_length=12, **options)
    assert found == decode(Forgetful(), z, strategy, max_length=12, **options)
    assert strategy == "greedy" or len({len(sentence) for sentence in found}) > 1


def test_a_sentence_ends_where_the_positions_do() -> None:
    from textvae.decoding import greedy

    decoder = make_decoder("gpt2", ["prefix"])

    def talkative(tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        logits, state = decoder.step(tokens, state)
        return logits.index_add(1, torch.tensor([EOS]), logits.new_full((2, 1), -1e9)), state

    written = greedy(talkative, decoder.start(torch.zeros(2, LATENT).double()))

    assert [len(sentence) for sentence in written] == [24 - 2] * 2
