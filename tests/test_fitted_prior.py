"""The normal prior that is fitted to the posteriors when training is over."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Laplace, MultivariateNormal, Normal, kl_divergence

import textvae
from textvae.distributions import Point, kl
from textvae.metrics.likelihood import Scorer
from textvae.priors import FittedNormal
from textvae.vae import SentenceVAE

from .corpora import TINY


def posteriors(size: int, dim: int) -> Independent:
    torch.manual_seed(0)
    mean = torch.randn(size, dim).double() * torch.arange(1, dim + 1) + 4
    return Independent(Normal(mean, torch.rand(size, dim).double() + 0.2), 1)


def fitted(q: torch.distributions.Distribution) -> MultivariateNormal:
    prior = FittedNormal(q.event_shape[0]).double()
    prior.fit(q)
    return prior()


def test_before_it_is_fitted_it_is_the_standard_normal() -> None:
    p = FittedNormal(3)()

    assert isinstance(p, Independent)  # so that there is a divergence of each dimension
    torch.testing.assert_close(p.mean, torch.zeros(3))
    torch.testing.assert_close(p.stddev, torch.ones(3))


def test_it_has_the_moments_of_the_mixture() -> None:
    """By the raw second moments, in numpy."""
    q = posteriors(50, 3)
    mean, scale = q.mean.numpy(), q.stddev.numpy()
    raw = [np.outer(m, m) + np.diag(s**2) for m, s in zip(mean, scale, strict=True)]

    p = fitted(q)
    np.testing.assert_allclose(p.mean, mean.mean(axis=0))
    expected = np.mean(raw, axis=0) - np.outer(mean.mean(axis=0), mean.mean(axis=0))
    np.testing.assert_allclose(p.covariance_matrix, expected, atol=1e-12)


def test_the_divergence_is_that_of_torch_between_full_covariances() -> None:
    q, p = posteriors(5, 3), fitted(posteriors(50, 3))
    full = MultivariateNormal(q.mean, torch.diag_embed(q.variance))

    divergence, per_dim = kl(q, p, q.sample((1,)))
    torch.testing.assert_close(divergence, kl_divergence(full, p))
    assert divergence.shape == (5,) and per_dim is None
    with pytest.raises(NotImplementedError):
        kl_divergence(Independent(Laplace(q.mean, q.stddev), 1), p)


def test_no_other_normal_prior_is_closer_to_the_posteriors() -> None:
    """In closed form: another mean, or another covariance, has a larger mean divergence."""
    q = posteriors(50, 2)
    p = fitted(q)
    best = kl_divergence(q, p).mean()
    for shift, factor in ((0.1, 1.0), (-0.1, 1.0), (0.0, 0.9), (0.0, 1.1)):
        other = MultivariateNormal(p.mean + shift, p.covariance_matrix * factor)
        assert kl_divergence(q, other).mean() > best + 1e-4
    diagonal = MultivariateNormal(p.mean, p.covariance_matrix.diagonal().diag())
    assert kl_divergence(q, diagonal).mean() > best


def test_codes_without_spread_have_a_prior_too() -> None:
    """Those of an auto-encoder, one of which never moves."""
    codes = torch.randn(40, 3) * torch.tensor([1.0, 2.0, 0.0])
    p = fitted(Point(codes))

    np.testing.assert_allclose(p.covariance_matrix, np.cov(codes.T, bias=True), atol=1e-5)
    assert p.log_prob(p.sample((4,))).isfinite().all()


def test_what_is_loaded_is_fitted_if_it_was() -> None:
    q = posteriors(50, 3)
    for prior in (FittedNormal(3), FittedNormal(3)):
        twin = FittedNormal(3)
        twin.load_state_dict(prior.state_dict())
        assert not twin.fitted
        prior.fit(q)
        twin.load_state_dict(prior.state_dict())
        assert twin.fitted
        torch.testing.assert_close(twin().covariance_matrix, prior().covariance_matrix)


def test_training_is_that_of_the_standard_normal(command: Callable, place: Path) -> None:
    """To the bit; then the bounds are better, and what is saved has the fitted prior."""
    for prior in ("standard_normal", "fitted_normal"):
        code, _, err = command("train", *TINY, "--name", prior, "--prior", prior)
        assert code == 0, err
    plain, own = (place / "runs" / name for name in ("standard_normal", "fitted_normal"))

    before, after = (list(csv.DictReader(open(run / "metrics.csv"))) for run in (plain, own))
    for one, other in zip(before, after, strict=True):
        speed = {"tokens_per_second"}  # the only one that may differ
        assert {k: one[k] for k in one.keys() - speed} == {k: other[k] for k in one.keys() - speed}
    assert len(before) >= 2 and before[-1]["valid_nll_elbo"]
    before, after = (json.loads((run / "report.json").read_text()) for run in (plain, own))
    assert after["nll_elbo"] < before["nll_elbo"] and after["kl"] < before["kl"]
    assert after["kl_per_dim"] is None or "kl_per_dim" not in after

    model = textvae.load(str(own))
    assert model.vae.prior.fitted and model.sample(3, seed=0) != textvae.load(str(plain)).sample(
        3, seed=0
    )
    code, out, err = command("evaluate", "fitted_normal", "--json", "--samples", "4")
    assert code == 0 and json.loads(out)["nll_elbo"] == pytest.approx(after["nll_elbo"], abs=1e-5)


def test_a_finished_run_has_it_by_resuming(command: Callable, place: Path) -> None:
    code, _, err = command("train", *TINY, "--name", "given", "--prior", "fitted_normal")
    assert code == 0, err
    code, _, err = command("train", *TINY, "--name", "resumed")
    assert code == 0, err
    code, _, err = command("train", "--resume", "resumed", "--prior", "fitted_normal")
    assert code == 0, err

    given, resumed = (
        json.loads((place / "runs" / name / "report.json").read_text())
        for name in ("given", "resumed")
    )
    for name in ("nll_iw", "nll_elbo", "kl", "z_gain", "epoch"):
        assert resumed[name] == given[name]
    assert textvae.load(str(place / "runs" / "resumed")).vae.prior.fitted


def test_of_a_conditional_model_it_is_fitted_to_what_was_trained_on(
    command: Callable, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All labels share it, and a sentence that is too long to learn from is too long for it."""
    seen = []

    class Spy(Scorer):
        def __init__(self, vae: SentenceVAE, sentences: list[list[int]]) -> None:
            super().__init__(vae, sentences)
            seen.append(
                (len(sentences), max(map(len, sentences)), sorted(set(self.label.tolist())))
            )

    monkeypatch.setattr("textvae.wiring.train.Scorer", Spy)
    lines = [f"{('good', 'bad')[i % 2]}\tnumber {i} of {i % 7} kinds" for i in range(200)]
    lines += [f"good\tlong {i}" + " long" * 40 for i in range(20)]
    (place / "labelled.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    text = "--text labelled.tsv --data.text_column text --data.label_column label".split()
    model = [*TINY[8:], "--labels", "shared_prior", "--data.max_length", "20"]
    code, _, err = command("train", *text, *model, "--name", "told", "--prior", "fitted_normal")
    assert code == 0, err
    assert textvae.load(str(place / "runs" / "told")).vae.prior.fitted
    ((count, longest, labels),) = seen
    assert 150 < count < 200 and longest <= 20 and labels == [0, 1]
