"""The collapse doctor: on models that collapse, that do not, and whose decoder ignores z."""

import math
from collections import Counter
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from textvae.data.batching import BatchPlan, OrderedLoader, SentenceLoader, length_batches
from textvae.decoders import LSTMDecoder
from textvae.encoders import GRUEncoder
from textvae.objectives import BetaELBO
from textvae.posteriors import (
    BatchNormPosterior,
    GaussianPosterior,
    PointPosterior,
    Posterior,
    VonMisesFisherPosterior,
)
from textvae.training import ConstantRate, Joint, LitTextVAE
from textvae.training.callbacks import CollapseDoctor
from textvae.training.examination import Examination, evenly_spread, examine
from textvae.vae import SentenceVAE

from .helpers import quiet_trainer

VOCAB, KINDS = 12, 4


def corpus(size: int, seed: int) -> list[list[int]]:
    """Sentences of one word said over again: which word is all there is to know, log 4 nats."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(4, 4 + KINDS, (size,), generator=generator).tolist()
    return [[word] * (3 + i % 3) for i, word in enumerate(words)]


def loaders() -> tuple[SentenceLoader, OrderedLoader]:
    train, valid = corpus(160, 0), corpus(64, 1)
    plan = BatchPlan([len(s) for s in train], max_sentences=16)
    batches = length_batches([len(s) for s in valid], max_sentences=16)
    return SentenceLoader(train, plan), OrderedLoader(valid, batches)


class Deaf(LSTMDecoder):
    """A decoder that never reads z."""

    def log_prob(self, x: torch.Tensor, mask: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x, mask, torch.zeros_like(z))


def train(
    folder: Path,
    posterior: Posterior | None,
    beta: float = 1.0,
    decoder: type[LSTMDecoder] = LSTMDecoder,
    epochs: int = 5,
) -> tuple[LitTextVAE, CollapseDoctor, pl.Trainer]:
    torch.manual_seed(0)
    if posterior is None:
        vae = SentenceVAE(None, None, None, decoder(VOCAB, 0, 8, 16))
    else:
        prior = posterior.prior_cls(posterior.latent_dim)
        written = decoder(VOCAB, posterior.latent_dim, 8, 16)
        vae = SentenceVAE(GRUEncoder(VOCAB, 8, 16), posterior, prior, written)
    module = LitTextVAE(
        vae,
        BetaELBO(beta),
        Joint(),
        lambda parameters: torch.optim.Adam(parameters, lr=0.02),
        ConstantRate(),
    )
    doctor = CollapseDoctor(num_sentences=64, every=5)
    trainer = quiet_trainer(folder, callbacks=[doctor], max_epochs=epochs)
    trainer.fit(module, *loaders())
    return module, doctor, trainer


def test_a_model_that_collapses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module, doctor, trainer = train(tmp_path, GaussianPosterior(16, 4), beta=20.0)
    said = capfd.readouterr().err.splitlines()
    verdict = doctor.verdict(module.vae, [])

    assert len(said) == 1, said  # once, not at each of five validations
    assert said[0].startswith("epoch 2: collapse: z tells nothing of its sentence: KL 0.")
    assert "4 of 4 dimensions dead" in said[0] and "of the gradient reaches the encod" in said[0]
    assert "by --posterior batch_norm or --objective free_bits_dim" in said[0]
    assert verdict["collapsed"] and verdict["dead_dimensions"] == [0, 1, 2, 3]
    assert verdict["verdict"].endswith("collapse began in epoch 2")
    assert "--posterior batch_norm" in verdict["advice"]
    assert trainer.callback_metrics["valid_z_gain"] < 0.1
    assert trainer.callback_metrics["valid_au"] == 0
    assert 0 < trainer.callback_metrics["encoder_gradient"] < 1


def test_a_model_that_does_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module, doctor, trainer = train(tmp_path, BatchNormPosterior(16, 4, gamma=1.0), epochs=8)
    verdict = doctor.verdict(module.vae, [])

    assert capfd.readouterr().err == ""
    assert verdict["verdict"].startswith("z is used: KL ") and not verdict["collapsed"]
    assert verdict["advice"] is None and verdict["dead_dimensions"] == []
    doctor.since = 3  # as of a model that has recovered
    assert doctor.verdict(module.vae, [])["verdict"].endswith("; in epoch 3 it was not")
    doctor.overcome = 2  # before that
    assert doctor.verdict(module.vae, [])["verdict"].endswith("; in epoch 3 it was not")
    assert trainer.callback_metrics["valid_mi"] > 0.9
    assert trainer.callback_metrics["valid_z_gain"] > 1
    assert trainer.callback_metrics["encoder_gradient"] > 0.01


def test_each_beginning_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module, _, trainer = train(tmp_path, BatchNormPosterior(16, 4, gamma=1.0), epochs=1)
    doctor = CollapseDoctor()
    capfd.readouterr()
    told, onsets = [], []
    for gain in (0.1, 0.1, 0.1, 1.01, 0.99, 1.02, 0.99, 2.0, 3.0, 0.5, 0.4, 0.4):
        found = Examination(kl=2.0, mi=1.5, z_gain=gain, dead=[], latent_dim=4)
        doctor._judge(found, trainer, module.vae)
        told.append(len(capfd.readouterr().err.splitlines()))
        onsets.append(doctor.since is not None)
    assert told == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert onsets == [False, True, True, True, True, True, True, False, False, True, True, True]
    again = CollapseDoctor()
    again.load_state_dict(doctor.state_dict())
    assert again.since == doctor.since and again.overcome == doctor.overcome == 2


def test_a_fixed_divergence_does_not_deceive_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    posterior = VonMisesFisherPosterior(16, 4, concentration=60.0)
    module, doctor, trainer = train(tmp_path, posterior, decoder=Deaf)
    said = capfd.readouterr().err.splitlines()
    verdict = doctor.verdict(module.vae, [])

    assert posterior.kl_floor > 4
    assert trainer.callback_metrics["valid_kl"] == pytest.approx(posterior.kl_floor, rel=1e-4)
    assert len(said) == 1, said
    assert "z tells sentences apart, but the decoder ignores it" in said[0]
    assert "--decoder.word_dropout" in said[0] and "--posterior" not in said[0]
    assert verdict["collapsed"] and "weaken the decoder" in verdict["advice"]


def test_a_language_model_and_an_autoencoder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    module, doctor, trainer = train(tmp_path, None, epochs=2)
    assert doctor.verdict(module.vae, []) == {
        "verdict": "a language model: there is no latent to collapse",
        "collapsed": False,
        "dead_dimensions": [],
        "advice": None,
    }
    assert "valid_z_gain" not in trainer.callback_metrics

    module, doctor, _ = train(tmp_path, PointPosterior(16, 4), epochs=8)
    assert not doctor.verdict(module.vae, [])["collapsed"]
    assert capfd.readouterr().err == ""


def test_a_run_that_was_over_is_examined_all_the_same(tmp_path: Path) -> None:
    module, _, _ = train(tmp_path, GaussianPosterior(16, 4), epochs=1)
    verdict = CollapseDoctor().verdict(module.vae, loaders()[1])

    assert verdict["verdict"].startswith("collapse: z tells nothing") and module.vae.training
    assert CollapseDoctor().verdict(module.vae, [])["verdict"].startswith("not examined")


def test_it_takes_no_randomness_from_training(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = SentenceVAE(
        GRUEncoder(VOCAB, 8, 16),
        GaussianPosterior(16, 4),
        GaussianPosterior.prior_cls(4),
        LSTMDecoder(VOCAB, 4, 8, 16),
    ).eval()
    state = torch.get_rng_state()
    first = examine(vae, list(loaders()[1]))

    assert torch.equal(torch.get_rng_state(), state)
    assert examine(vae, list(loaders()[1])) == first


def test_an_examination_finds_what_was_put_in() -> None:
    """Posteriors far apart but for equal sentences; one dimension dead; a decoder without ears."""
    torch.manual_seed(0)
    posterior = GaussianPosterior(16, 4)
    vae = SentenceVAE(
        GRUEncoder(VOCAB, 8, 16), posterior, posterior.prior_cls(4), Deaf(VOCAB, 4, 8, 16)
    ).double()
    with torch.no_grad():
        posterior.project.weight[:4] *= 1000
        posterior.project.weight[1] = 0
        posterior.project.weight[4:] = 0  # the logarithms of the variances
        posterior.project.bias[4:] = 2 * math.log(0.1)
    batches = list(loaders()[1])
    found = examine(vae.eval(), batches)

    means = torch.cat([vae.encode(batch) for batch in batches])
    kl = 0.5 * (means**2 + 0.01 - 1 - 2 * math.log(0.1)).sum(dim=1).mean()
    assert found.kl == pytest.approx(kl.item())
    shares = [n / 64 for n in Counter(map(tuple, corpus(64, 1))).values()]
    assert found.mi == pytest.approx(-sum(share * math.log(share) for share in shares))
    assert found.dead == [1] and found.latent_dim == 4
    assert found.z_gain == 0


@pytest.mark.parametrize(
    ("dead", "told"),
    [
        ([], "0 of 12 dimensions dead"),
        ([3, 5], "2 of 12 dimensions dead (3, 5)"),
        ([*range(10)], "10 of 12 dimensions dead (0, 1, 2, 3, 4, 5, 6, 7, ...)"),
        ([*range(12)], "12 of 12 dimensions dead"),
    ],
)
def test_dead_dimensions_are_named(dead: list[int], told: str) -> None:
    assert Examination(1.0, 2.0, 3.0, dead, 12).told() == (
        f"KL 1.00, MI 2.00, z_gain 3.00 nats, {told}"
    )


@pytest.mark.parametrize("max_sentences", [7, 10, 400])
def test_the_slice_is_the_same_however_large_the_batches(max_sentences: int) -> None:
    sentences = [[5] * (1 + i // 20) for i in range(400)]
    loader = OrderedLoader(
        sentences, length_batches([len(s) for s in sentences], 10**6, max_sentences)
    )
    chosen = evenly_spread(loader, 100)

    index = torch.cat([batch.index for batch in chosen])
    assert index.sort().values.tolist() == [*range(0, 400, 4)]  # evenly over all of it
    lengths = torch.cat([batch.target_mask.sum(dim=1) for batch in chosen])
    assert lengths.tolist() == sorted(2 + i // 20 for i in range(0, 400, 4))
    assert all(batch.target.shape[1] == batch.target_mask.sum(dim=1).max() for batch in chosen)
    for batch in chosen:
        for row, mask, i in zip(
            batch.target, batch.target_mask, batch.index.tolist(), strict=True
        ):
            assert row[mask].tolist() == [*sentences[i], 2]
    assert [len(batch) for batch in evenly_spread(loader, 1000)] == [64] * 6 + [16]
    assert evenly_spread([], 100) == []


def test_how_sentences_are_batched_changes_no_number() -> None:
    torch.manual_seed(0)
    posterior = GaussianPosterior(16, 4)
    vae = SentenceVAE(
        GRUEncoder(VOCAB, 8, 16), posterior, posterior.prior_cls(4), LSTMDecoder(VOCAB, 4, 8, 16)
    )
    vae.double().eval()
    sentences = corpus(64, 1)
    whole, *others = (
        examine(vae, list(OrderedLoader(sentences, batches)))
        for batches in (
            [[*range(64)]],
            [[*range(63, 30, -1)], [*range(31)]],
            [[i] for i in range(64)],
        )
    )
    for other in others:
        assert other.dead == whole.dead
        for name in ("kl", "mi", "z_gain"):
            assert getattr(other, name) == pytest.approx(getattr(whole, name), rel=1e-9)


def test_a_validation_of_one_batch_is_examined(tmp_path: Path) -> None:
    """As with --data.batch_tokens 16384, where batches are larger than what is examined."""
    module, _, _ = train(tmp_path, GaussianPosterior(16, 4), epochs=1)
    sentences = corpus(64, 1)
    doctor = CollapseDoctor(num_sentences=8)
    verdict = doctor.verdict(module.vae, OrderedLoader(sentences, [[*range(64)]]))

    assert verdict["verdict"].startswith("collapse: z tells nothing")
    one = CollapseDoctor().verdict(module.vae, OrderedLoader(sentences, [[0]]))
    assert one["verdict"] == "not examined: validation has fewer than two sentences"
