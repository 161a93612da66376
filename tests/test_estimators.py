"""Estimators against models whose answers are known."""

import math
from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from textvae import estimators
from textvae.distributions import VonMisesFisher
from textvae.estimators import (
    active_units,
    aggregate_log_prob,
    derangement,
    importance_weighted,
    mutual_information,
)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def gaussians(count: int, dim: int, spread: float, seed: int = 0) -> Independent:
    generator = torch.Generator().manual_seed(seed)
    loc = spread * torch.randn(count, dim, generator=generator, dtype=torch.double)
    scale = 0.5 + torch.rand(count, dim, generator=generator, dtype=torch.double)
    return Independent(Normal(loc, scale), 1)


def test_importance_weighted_is_the_logarithm_of_the_mean_weight() -> None:
    log_weights = torch.randn(7, 3, dtype=torch.double)
    torch.testing.assert_close(
        importance_weighted(log_weights), log_weights.exp().mean(dim=0).log()
    )
    # Where exp would underflow; and one sample is the ELBO's.
    torch.testing.assert_close(
        importance_weighted(log_weights - 5000), importance_weighted(log_weights) - 5000
    )
    torch.testing.assert_close(importance_weighted(log_weights[:1]), log_weights[0])


class LinearGaussian:
    """p(z) = N(0, 1), p(x | z) = N(a z, s^2): one number x, everything in closed form."""

    a, s, x = 1.5, 0.7, torch.tensor(2.0, dtype=torch.double)

    def log_px(self) -> Tensor:
        return self.normal(0.0, math.hypot(self.a, self.s)).log_prob(self.x)

    def posterior(self) -> Normal:
        precision = 1 + self.a**2 / self.s**2
        return self.normal(self.a * self.x / self.s**2 / precision, precision**-0.5)

    def log_weights(self, q: Normal, shape: tuple[int, ...]) -> Tensor:
        z = q.sample(shape)
        log_px_z = Normal(self.a * z, self.s).log_prob(self.x)
        return log_px_z + self.normal(0.0, 1.0).log_prob(z) - q.log_prob(z)

    @staticmethod
    def normal(loc: float | Tensor, scale: float) -> Normal:
        loc = torch.as_tensor(loc, dtype=torch.double)
        return Normal(loc, torch.as_tensor(scale, dtype=torch.double))


def test_the_true_posterior_gives_the_likelihood_with_any_samples() -> None:
    model = LinearGaussian()
    for samples in (1, 3, 100):
        log_weights = model.log_weights(model.posterior(), (samples,))
        torch.testing.assert_close(importance_weighted(log_weights), model.log_px())


def test_elbo_then_iwae_then_the_likelihood() -> None:
    model, runs = LinearGaussian(), 20_000
    true = model.posterior()
    q = Normal(true.loc + 0.3, 1.6 * true.scale)
    elbo = model.log_px() - torch.distributions.kl_divergence(q, true)

    means, errors = [], []
    for samples in (1, 5, 50):
        bound = importance_weighted(model.log_weights(q, (samples, runs)))
        means.append(bound.mean())
        errors.append(bound.std() / runs**0.5)

    assert abs(means[0] - elbo) <= 4 * errors[0]
    for i in (0, 1):
        assert means[i] + 4 * errors[i] < means[i + 1] - 4 * errors[i + 1]
    assert means[2] + 4 * errors[2] < model.log_px()
    # The bias of k samples is var(w) / (2 k E[w]^2) to first order.
    weights = (model.log_weights(q, (runs * 50,)) - model.log_px()).exp()
    assert model.log_px() - means[2] == pytest.approx(weights.var().item() / 100, rel=0.1)


def test_aggregate_is_the_mixture() -> None:
    q = gaussians(9, 3, spread=2.0)
    z = torch.randn(20, 3, dtype=torch.double)
    mixture = MixtureSameFamily(Categorical(torch.ones(9, dtype=torch.double)), q)
    torch.testing.assert_close(aggregate_log_prob(q, z), mixture.log_prob(z))


def test_aggregate_does_not_depend_on_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    loc = torch.nn.functional.normalize(torch.randn(11, 4, dtype=torch.double), dim=1)
    for q in (gaussians(11, 4, spread=1.0), VonMisesFisher(loc, 6.0)):
        z = q.sample()
        one_by_one = [
            (torch.stack([q.log_prob(z[i]) for i in range(11)])[i].exp().mean()).log()
            for i in range(11)
        ]
        for elements in (1, 3 * 11 * 4, 2**20):
            monkeypatch.setattr(estimators, "MAX_ELEMENTS", elements)
            torch.testing.assert_close(aggregate_log_prob(q, z), torch.stack(one_by_one))


def test_mutual_information_against_quadrature() -> None:
    q = gaussians(500, 1, spread=1.5)
    grid = torch.linspace(-15, 15, 6001, dtype=torch.double)
    aggregate = q.log_prob(grid[:, None, None]).exp().mean(dim=1)  # (6001,)
    entropy = -torch.trapezoid(torch.special.xlogy(aggregate, aggregate), grid)
    exact = entropy - q.entropy().mean()

    means = torch.stack([mutual_information(q, q.sample()).mean() for _ in range(100)])
    assert abs(means.mean() - exact) <= 3 * means.std() / len(means) ** 0.5
    assert exact > 0.5  # or the test says little


def test_mutual_information_has_a_ceiling_and_a_floor() -> None:
    count = 64
    apart = Independent(Normal(torch.arange(count)[:, None] * 100.0, torch.ones(count, 1)), 1)
    terms = mutual_information(apart, apart.sample())
    torch.testing.assert_close(terms, torch.full((count,), math.log(count)))

    spread = gaussians(count, 2, spread=3.0)
    assert (mutual_information(spread, spread.sample()) <= math.log(count) + 1e-12).all()

    # A collapsed posterior: exactly 0, where the entropy in closed form leaves noise.
    same = Independent(Normal(torch.zeros(count, 2), torch.ones(count, 2)), 1)
    assert mutual_information(same, same.sample()).abs().max() <= 1e-6


def test_active_units_compare_with_the_prior() -> None:
    base = torch.tensor([[-1.0], [1.0]], dtype=torch.double)  # variance 2 over two sentences
    means = base * torch.tensor([0.0, 0.070, 0.071, 1.0]) + 5.0  # variances 0, .0098, .0101, 2
    assert active_units(means, torch.ones(4)) == 2
    assert active_units(means, torch.full((4,), 1 / 4)) == 3  # on the sphere of R^4
    assert active_units(means, torch.ones(4), threshold=0.5) == 1


@pytest.mark.parametrize("size", [2, 3, 5, 100])
def test_derangement_moves_everything(size: int) -> None:
    for seed in range(20):
        permutation = derangement(size, seed)
        assert sorted(permutation.tolist()) == list(range(size))
        assert (permutation != torch.arange(size)).all()
        assert torch.equal(permutation, derangement(size, seed))


def test_derangement_is_uniform_and_leaves_the_generator_alone() -> None:
    state = torch.get_rng_state()
    runs = 9000
    counts = Counter(tuple(derangement(4, seed).tolist()) for seed in range(runs))
    assert torch.equal(torch.get_rng_state(), state)
    assert len(counts) == 9
    error = math.sqrt(runs * (1 / 9) * (8 / 9))
    assert all(abs(count - runs / 9) <= 4 * error for count in counts.values())


@pytest.mark.parametrize("size", [0, 1])
def test_derangement_needs_two(size: int) -> None:
    with pytest.raises(ValueError, match=f"'size' of at least 2, got {size}"):
        derangement(size, 0)
