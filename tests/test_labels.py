"""The conditional model: its divergence, its likelihood, and what is asked of it by label."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from textvae.api import TextVAE
from textvae.data import TextData, WordTokenizer
from textvae.data.batching import collate
from textvae.decoders import (
    ConvolutionalDecoder,
    Decoder,
    GRUDecoder,
    LSTMDecoder,
    TransformerDecoder,
)
from textvae.encoders import Encoder, GRUEncoder, LSTMEncoder, TransformerEncoder
from textvae.errors import UsageError
from textvae.estimators import active_dimensions, derangement, label_groups
from textvae.labels import Labels
from textvae.metrics import evaluate, score
from textvae.objectives import MMD
from textvae.posteriors import GaussianPosterior, VonMisesFisherPosterior
from textvae.priors import StandardNormal
from textvae.types import BOS, EOS, Batch
from textvae.vae import SentenceVAE

from .conditional import LABELLED, LABELS, NAMES, conditional_model, conditional_vae
from .tiny import SENTENCES, TEXTS, VOCAB
from .transformer_pairs import DECODERS, ENCODERS


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


# The model


@pytest.mark.parametrize("encoder", [GRUEncoder, LSTMEncoder])
@pytest.mark.parametrize("decoder", [GRUDecoder, LSTMDecoder, ConvolutionalDecoder])
@pytest.mark.parametrize("own_prior", [False, True])
def test_every_encoder_and_decoder_is_told_the_label(
    encoder: type[Encoder], decoder: type[Decoder], own_prior: bool
) -> None:
    check_told(conditional_vae(2, own_prior, encoder=encoder, decoder=decoder))


def test_transformers_are_told_the_label() -> None:
    encoder = TransformerEncoder(VOCAB, ENCODERS["bert"])
    decoder = TransformerDecoder(VOCAB, 2 + len(NAMES), DECODERS["gpt2"])
    q = GaussianPosterior(encoder.out_features + len(NAMES), 2)
    labels = Labels(NAMES, 2, prior=True)
    check_told(SentenceVAE(encoder, q, StandardNormal(2), decoder, labels=labels).double())


def check_told(vae: SentenceVAE) -> None:
    """Latents and likelihoods depend on the label, and gradients reach every parameter of it."""
    batch = collate(LABELLED[:], range(len(LABELLED)))
    other = replace(batch, label=(batch.label + 1) % 3)
    terms = vae(batch, num_samples=3)
    assert terms.log_px_z.shape == (3, 8) and terms.kl.shape == (8,)
    (terms.kl - terms.log_px_z.mean(dim=0)).sum().backward()
    for name, parameter in [*vae.posterior.named_parameters(), *vae.labels.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.norm() > 0, name
    vae.eval()
    z = terms.z.detach()
    assert not torch.isclose(vae.encode(batch), vae.encode(other)).all(dim=1).any()
    assert not torch.isclose(vae.log_prob(batch, z), vae.log_prob(other, z)).any()
    torch.testing.assert_close(vae.log_prob(batch, z)[0, 3], stepped(vae, batch, z)[3])


@torch.no_grad()
def stepped(vae: SentenceVAE, batch: Batch, z: Tensor) -> Tensor:
    """log p(x | z, y) of each sentence under the first sample, word by word."""
    state = vae.decoder.start(vae.given(z[0], batch.label))
    tokens, total = torch.full_like(batch.target[:, 0], BOS), torch.zeros(len(batch)).double()
    for target, real in zip(batch.target.T, batch.target_mask.T, strict=True):
        logits, state = vae.decoder.step(tokens, state)
        log_p = logits.double().log_softmax(dim=-1).gather(1, target[:, None])[:, 0]
        total, tokens = total + log_p.where(real, 0.0), target
    return total


def test_the_divergence_to_the_prior_of_a_label_is_exact() -> None:
    vae = conditional_vae(3, own_prior=True)
    batch = collate(LABELLED[:], range(len(LABELLED)))
    terms, labels = vae(batch), vae.labels
    for i, label in enumerate(LABELS):
        q, p = (
            MultivariateNormal(loc, torch.diag(scale.square()))
            for loc, scale in (
                (terms.q.base_dist.loc[i], terms.q.base_dist.scale[i]),
                (labels.loc[label], labels.log_scale[label].exp()),
            )
        )
        assert terms.kl[i].item() == pytest.approx(kl_divergence(q, p).item(), rel=1e-9)
        assert terms.log_pz[0, i].item() == pytest.approx(p.log_prob(terms.z[0, i]).item())
    assert torch.isfinite(MMD(lambda_=2.0)(terms, 0))


def exact(vae: SentenceVAE) -> Tensor:
    """log p(x | y) of each sentence by quadrature over a single latent dimension."""
    axis, found = torch.linspace(-9, 9, 2001, dtype=torch.double)[:, None], []
    for sentence, label in zip(SENTENCES, LABELS, strict=True):
        x, y = torch.tensor([[*sentence, EOS]]), torch.tensor([label])
        p = Independent(Normal(vae.labels.loc[label], vae.labels.log_scale[label].exp()), 1)
        told = torch.eye(len(NAMES), dtype=torch.double)[y].expand(len(axis), -1)
        latents = torch.cat([axis, told], dim=1)[:, None]  # (G, 1, D + L)
        log_px_z = vae.decoder.log_prob(x, torch.ones_like(x, dtype=torch.bool), latents)[:, 0]
        found.append((log_px_z + p.log_prob(axis)).logsumexp(dim=0) + (axis[1] - axis[0]).log()[0])
    return torch.stack(found)


@torch.no_grad()
def test_the_likelihood_given_the_label_is_that_of_quadrature() -> None:
    vae = conditional_vae(1, own_prior=True).eval()
    runs = torch.stack([score(vae, LABELLED, samples=500, seed=seed) for seed in range(20)])
    errors = runs + exact(vae)
    each = errors.mean(dim=0) / errors.std(dim=0) * len(runs) ** 0.5
    assert each.abs().max() <= 4.5  # in standard errors of 20 runs, over eight sentences
    assert runs.std(dim=0).max() < 0.25
    # And the priors matter, or that of another label would pass.
    vae.labels.loc.data = vae.labels.loc.roll(1, dims=0)
    assert ((exact(vae) + runs.mean(dim=0)).abs() > 0.5).sum() >= 4


def test_the_numbers_are_given_the_label() -> None:
    vae = conditional_vae(2)
    with torch.no_grad():  # q depends on the label alone, and strongly
        vae.posterior.project.weight[:, :8] = 0
        vae.posterior.project.weight[:2, 8:] = torch.tensor([[0.0, 5.0, -5.0], [9.0, 0.0, 0.0]])
    found = evaluate(vae, LABELLED, TEXTS, samples=20)
    assert found.mi_full == pytest.approx(0, abs=1e-6) and found.au == 0
    assert found.mi_batch32 == pytest.approx(0, abs=1e-6) and found.kl > 5
    sizes = torch.tensor([3.0, 3.0, 2.0])
    assert found.mi_full_ceiling == pytest.approx((sizes * sizes.log()).sum().item() / 8)
    assert found.protocol["given"] == "label" and "given the label" in found.table()

    apart = conditional_vae(2, own_prior=True)
    with torch.no_grad():  # narrow posteriors, far from each other
        apart.posterior.project.weight[:2] *= 1000
        apart.posterior.project.bias[2:] = -12
    found = evaluate(apart, LABELLED, TEXTS, samples=20)
    assert found.mi_full == pytest.approx(found.mi_full_ceiling, abs=1e-3) and found.au == 2
    assert found.nll_iw <= found.nll_elbo and found.z_gain != 0


def test_estimates_stay_within_groups() -> None:
    groups = label_groups(torch.tensor([4, 2, 4, 4, 2, 7]), 6)
    assert groups == [[0, 2, 3], [1, 4], [5]]
    places = derangement(6, 0, groups).tolist()
    assert sorted(places[i] for i in groups[0]) == groups[0]
    assert (places[1], places[4], places[5]) == (4, 1, 5)
    assert all(places[i] != i for i in range(5))
    means = torch.tensor([[9.0, 1.0], [0.0, 0.0], [9.0, -1.0], [9.0, 0.0], [0.0, 5.0], [3.0, 3.0]])
    assert active_dimensions(means, torch.ones(2), groups=groups).tolist() == [False, True]


def test_a_language_model_may_be_conditional() -> None:
    decoder = GRUDecoder(VOCAB, len(NAMES), embedding_size=6, hidden_size=8)
    vae = SentenceVAE(None, None, None, decoder, labels=Labels(NAMES, 0, True)).double().eval()
    nll = score(vae, LABELLED)
    x, mask = collate(LABELLED[:1], [0]).target, torch.ones(1, 4, dtype=torch.bool)
    told = torch.eye(3, dtype=torch.double)[None, LABELS[:1]]
    assert nll[0].item() == pytest.approx(-decoder.log_prob(x, mask, told).item())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="a prior of each label is no prior for VonMises"):
        conditional_vae(3, own_prior=True, posterior=VonMisesFisherPosterior)
    with pytest.raises(ValueError, match="'names' must be at least 2 different labels"):
        Labels(["one"], 2)
    with pytest.raises(UsageError, match="needs the label of each sentence"):
        conditional_vae()(collate(SENTENCES, range(8)))
    assert conditional_vae(3, posterior=VonMisesFisherPosterior)(collate(LABELLED[:2], [0, 1])).p


# On strings


def test_sentences_are_read_and_written_by_label() -> None:
    model = conditional_model(own_prior=True)
    good, bad = (model.given(label) for label in ("good", "bad"))
    z = good.encode(["a b", "c"])
    assert torch.equal(z, model.encode(["a b", "c"], "good"))
    assert torch.equal(z[:1], model.encode(["a b", "c"], ["good", "bad"])[:1])
    assert not torch.allclose(z, bad.encode(["a b", "c"]))
    assert good.reconstruct(["a b"]) == model.reconstruct(["a b"], label="good")
    assert bad.sample(4) == model.sample(4, label="bad")
    assert model.sample(6)[1] == model.sample(6, label=NAMES * 2)[1]
    assert not torch.equal(model.draw(3, "good"), model.draw(3, "bad"))
    lines = model.interpolate("a b", "c", steps=4, label=["good", "bad"])
    assert lines[0] == good.reconstruct(["a b"])[0] and lines[3] == bad.reconstruct(["c"])[0]
    assert good.score(["a b"], samples=5) != bad.score(["a b"], samples=5)
    assert good.evaluate(["a b", "c", "d"], samples=2).bleu is not None


def test_labels_that_do_not_fit_are_refused_in_one_line() -> None:
    model = conditional_model()
    for call, message in (
        (
            lambda: model.encode(["a"]),
            "needs the label of each sentence: name one of bad, good, odd",
        ),
        (lambda: model.given("fine"), "training had no label fine; it had: bad, good, odd"),
        (lambda: model.encode(["a", "b"], ["bad"]), "2 sentences and 1 labels; .* number 2"),
        (lambda: model.decode(torch.zeros(2, 4), label=["bad"] * 3), "2 sentences and 3 labels"),
    ):
        with pytest.raises(UsageError, match=message):
            call()
    plain = TextVAE(model.vae, model.tokenizer)
    plain.vae.labels = None
    with pytest.raises(UsageError, match="the model takes no label: it was trained without"):
        plain.encode(["a"], "good")


def test_a_folder_keeps_the_labels(tmp_path: Path) -> None:
    model = conditional_model(own_prior=True)
    model.save(tmp_path / "model")
    again = TextVAE.load(tmp_path / "model")
    assert again.labels == NAMES
    assert torch.equal(again.encode(["a b"], "odd"), model.encode(["a b"], "odd"))
    assert again.sample(3, label="good") == model.sample(3, label="good")


# In a corpus


ROWS = [f"{'good' if i % 2 else 'bad'}\tsentence number {i}" for i in range(40)]


def labelled(write: Callable[..., str], valid: list[str]) -> TextData:
    for split, rows in (("train", ROWS), ("valid", valid), ("test", ROWS[:4])):
        path = write(f"rows/{split}.tsv", ["label\ttext", *rows])
    folder = str(Path(path).parent)
    return TextData(folder, "text", "label", tokenizer=WordTokenizer(), batch_size=8)


def test_batches_carry_the_numbers_of_labels(write: Callable[..., str], cache: Path) -> None:
    data = labelled(write, ROWS[:6])
    data.check_labels()
    assert data.label_names == ["bad", "good"]
    for split, loader in (("train", data.train_dataloader()), ("valid", data.val_dataloader())):
        labels = list(data.labels(split))
        for batch in loader:
            names = [data.label_names[number] for number in batch.label.tolist()]
            assert names == [labels[i] for i in batch.index.tolist()]


def test_a_corpus_without_the_labels_it_needs_is_refused(
    write: Callable[..., str], cache: Path
) -> None:
    data = labelled(write, [*ROWS[:2], "fine\tanother"])
    with pytest.raises(UsageError, match="valid: sentence 3 has the label fine.*has: bad, good"):
        data.check_labels()
    path = write("plain.txt", [f"line {i}" for i in range(60)])
    with pytest.raises(UsageError, match="training text has 0 of them; .* --data.label_column"):
        TextData(path, tokenizer=WordTokenizer()).check_labels()
