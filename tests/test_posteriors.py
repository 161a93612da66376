"""The contract of every posterior, and what each family promises."""

import inspect
import math

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

import textvae.posteriors
from textvae.distributions import Point, VonMisesFisher, kl
from textvae.nn import calibrate_batch_norm
from textvae.posteriors import (
    BatchNormPosterior,
    BatchNormScaledPosterior,
    GaussianPosterior,
    PointPosterior,
    Posterior,
    VonMisesFisherPosterior,
)
from textvae.priors import Prior, StandardNormal, UniformSphere

from .helpers import leaves

NORMALISED = [BatchNormPosterior, BatchNormScaledPosterior]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def mean_kl(posterior: Posterior, h: Tensor) -> float:
    q, p = posterior(h), posterior.prior_cls(posterior.latent_dim).to(h.dtype)()
    return kl_divergence(q, p).mean().item()


# The contract


@pytest.mark.parametrize("P", leaves(Posterior))
@pytest.mark.parametrize("latent_dim", [2, 8])
def test_contract(P: type[Posterior], latent_dim: int) -> None:
    posterior = P(16, latent_dim=latent_dim).double()
    h = torch.randn(4, 16, dtype=torch.float64, requires_grad=True)
    q = posterior(h)
    p = posterior.prior_cls(latent_dim).double()()
    z = q.rsample((20_000,))

    assert q.batch_shape == (4,) and q.event_shape == p.event_shape == (latent_dim,)
    assert q.log_prob(z).shape == p.log_prob(z).shape == (20_000, 4)
    assert z.dtype == q.mode.dtype == torch.float64
    assert q.mode.shape == q.mean.shape == p.sample((4,)).shape

    # The closed-form divergence is what the samples say it is, where there is a density at all.
    divergence = kl(q, p, z)[0]
    if not isinstance(q, Point):
        estimate = q.log_prob(z) - p.log_prob(z)
        error = estimate.std(0) / 20_000**0.5
        assert torch.all((divergence - estimate.mean(0)).abs() <= 5 * error)

    (z.pow(3).mean() + divergence.mean()).backward()
    assert h.grad is not None and h.grad.isfinite().all()
    for name, parameter in posterior.named_parameters():
        assert parameter.grad is not None and parameter.grad.norm() > 0, name


@pytest.mark.parametrize("P", leaves(Posterior))
def test_arguments_that_are_bound_by_position(P: type[Posterior]) -> None:
    names = list(inspect.signature(P).parameters)

    assert names[:2] == ["in_features", "latent_dim"]
    assert P.__name__ in textvae.posteriors.__all__


@pytest.mark.parametrize("P", leaves(Prior))
def test_priors(P: type[Prior]) -> None:
    prior = P(4)
    p = prior()

    assert list(inspect.signature(P).parameters)[0] == "latent_dim"
    assert p.batch_shape == () and p.event_shape == (4,)
    assert p.log_prob(p.sample((3, 2))).shape == (3, 2) and p.variance.shape == (4,)
    learns = P.fit is not Prior.fit
    assert bool(prior.state_dict()) == learns, "what never changes is not kept on disk"
    with pytest.raises(ValueError, match=f"'latent_dim' must be at least {P.min_latent_dim}"):
        P(P.min_latent_dim - 1)


@pytest.mark.parametrize("P", leaves(Posterior))
def test_half_precision_features_give_full_precision_distributions(P: type[Posterior]) -> None:
    posterior = P(16, latent_dim=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        q = posterior(torch.randn(4, 16).bfloat16())

    assert q.mode.dtype == q.rsample().dtype == torch.float32


@pytest.mark.parametrize("P", leaves(Posterior))
def test_no_parameters_lead_below_the_floor(P: type[Posterior]) -> None:
    posterior = P(16, latent_dim=6).double()
    for scale in (0.1, 1.0, 3.0):
        for parameter in posterior.parameters():
            torch.nn.init.normal_(parameter, std=scale)
        h = torch.randn(32, 16, dtype=torch.float64)
        assert mean_kl(posterior, h) >= posterior.kl_floor * (1 - 1e-4)


@pytest.mark.parametrize(
    "P, arguments, message",
    [
        *((P, {"latent_dim": 0}, "'latent_dim' must be at least") for P in leaves(Posterior)),
        (VonMisesFisherPosterior, {"latent_dim": 1}, "'latent_dim' must be at least 2, got 1"),
        (VonMisesFisherPosterior, {"concentration": -1.0}, "'concentration' .* got -1.0"),
        (VonMisesFisherPosterior, {"concentration": math.nan}, "'concentration' .* got nan"),
        (VonMisesFisherPosterior, {"concentration": math.inf}, "'concentration' .* got inf"),
        (BatchNormPosterior, {"gamma": 0.0}, "'gamma' .* above 0, got 0.0"),
        (BatchNormPosterior, {"gamma": -0.6}, "'gamma' .* above 0, got -0.6"),
        (BatchNormPosterior, {"gamma": math.nan}, "'gamma' .* above 0, got nan"),
        (BatchNormScaledPosterior, {"tau": 0.0}, "'tau' must be between 0 and 1.* got 0.0"),
        (BatchNormScaledPosterior, {"tau": 1.0}, "'tau' must be between 0 and 1.* got 1.0"),
        (BatchNormScaledPosterior, {"tau": math.nan}, "'tau' must be between 0 and 1.* got nan"),
    ],
)
def test_impossible_values_are_refused(
    P: type[Posterior], arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        P(16, **arguments)


# Gaussian


def test_gaussian_has_the_moments_of_its_projection() -> None:
    posterior = GaussianPosterior(5, latent_dim=3, min_scale=0.5)
    h = torch.randn(4, 5)
    loc, log_variance = (h @ posterior.project.weight.T + posterior.project.bias).split(3, dim=-1)
    q = posterior(h)
    scale = (log_variance / 2).exp().clamp(min=0.5)

    torch.testing.assert_close(q.mean, loc)
    torch.testing.assert_close(q.variance, scale.square())
    # The textbook formula against the rule of torch.distributions.
    textbook = 0.5 * (loc**2 + scale**2 - 1 - 2 * scale.log())
    divergence, per_dim = kl(q, StandardNormal(3)(), q.sample((1,)))
    torch.testing.assert_close(per_dim, textbook)
    torch.testing.assert_close(divergence, textbook.sum(-1))


def test_gaussian_starts_from_the_benchmarks_range() -> None:
    weight = GaussianPosterior(
        50, latent_dim=20, bias=False, init_range=0.01
    ).project.weight.detach()

    assert 0.0099 < weight.abs().max() <= 0.01
    assert weight.std().item() == pytest.approx(0.01 / 3**0.5, rel=0.05)


# Batch norm


@pytest.mark.parametrize("spread", [1e-5, 1e-3, 1.0])
@pytest.mark.parametrize("eps", [1e-8, 1e-5])
def test_batch_norm_floor_is_its_formula(spread: float, eps: float) -> None:
    posterior = BatchNormPosterior(16, latent_dim=6, gamma=0.6, eps=eps).double()
    torch.nn.init.zeros_(posterior.project_log_variance.weight)
    torch.nn.init.zeros_(posterior.project_log_variance.bias)
    h = 1 + spread * torch.randn(32, 16, dtype=torch.float64)
    v = posterior.project_loc(h).var(dim=0, unbiased=False)
    floor = (0.6**2 / 2 * v / (v + eps)).sum().item()

    # Reached where the variance is that of the prior and nothing is shifted.
    assert mean_kl(posterior, h) == pytest.approx(floor, rel=1e-10)
    torch.nn.init.normal_(posterior.shift)
    torch.nn.init.normal_(posterior.project_log_variance.weight)
    assert mean_kl(posterior, h) > floor


def test_batch_norm_keeps_its_floor_where_means_start_nearly_equal() -> None:
    # The benchmark's initialisation makes a variance of 2e-8; PyTorch's, as in the presets, more.
    for P in NORMALISED:
        posterior = P(64, latent_dim=8)
        h = 0.05 + 0.01 * torch.randn(32, 64)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert mean_kl(posterior, h) >= 0.99 * posterior.kl_floor


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_scaled_batch_norm_has_the_second_moment_of_the_prior(tau: float) -> None:
    posterior = BatchNormScaledPosterior(16, latent_dim=6, tau=tau).double()
    torch.nn.init.normal_(posterior.theta, std=2)
    q = posterior(torch.randn(64, 16, dtype=torch.float64))
    second = q.mean.square().mean(0) + q.variance.mean(0)

    torch.testing.assert_close(second, torch.ones_like(second), rtol=0, atol=1e-4)
    assert (q.mean.square().mean(0) >= tau - 1e-6).all()
    assert posterior.kl_floor == pytest.approx(-3 * math.log(1 - tau))


def test_scaled_batch_norm_takes_the_size_of_a_signed_deviation() -> None:
    posterior = BatchNormScaledPosterior(16, latent_dim=6)
    torch.nn.init.zeros_(posterior.project_scale.weight[0])
    scale = posterior(torch.randn(64, 16)).stddev

    assert (scale > 0).all()
    # A dimension whose deviations are all equal stands at the floor, finite.
    torch.testing.assert_close(scale[:, 0], torch.full((64,), 1e-3 * 0.5))


@pytest.mark.parametrize("P", NORMALISED)
def test_batch_norm_refuses_a_training_batch_of_one(P: type[Posterior]) -> None:
    posterior = P(16, latent_dim=6)

    with pytest.raises(ValueError, match="at least 2 sentences in a training batch, got 1"):
        posterior(torch.randn(1, 16))
    assert posterior.eval()(torch.randn(1, 16)).batch_shape == (1,)


@pytest.mark.parametrize("P", NORMALISED)
def test_batch_norm_in_evaluation_knows_no_batch(P: type[Posterior]) -> None:
    posterior = P(16, latent_dim=6).double()
    h = 0.3 + 0.2 * torch.randn(2000, 16, dtype=torch.float64)
    for batch in h.split(32):
        posterior(batch)
    posterior.eval()

    torch.testing.assert_close(posterior(h[:5]).mean, posterior(h).mean[:5])
    # Averages over ten batches of 32 are known to a few hundredths.
    assert mean_kl(posterior, h) >= 0.9 * posterior.kl_floor


@pytest.mark.parametrize("P", NORMALISED)
def test_calibration_brings_evaluation_to_the_floor(P: type[Posterior]) -> None:
    posterior = P(16, latent_dim=6).double()
    h = 0.3 + 0.2 * torch.randn(500, 16, dtype=torch.float64)
    training = posterior(h)
    # Stale averages, as after a step that moved the encoder far.
    posterior(50 * h + 7)
    calibrate_batch_norm(posterior.eval(), h)

    assert not posterior.training
    assert mean_kl(posterior, h) >= 0.99 * posterior.kl_floor
    # Running variances are those of the population, which is larger by 500/499.
    torch.testing.assert_close(posterior(h).mean, training.mean, rtol=2e-3, atol=1e-9)
    before = posterior(h).mean
    posterior.train()(10 * h)
    assert not torch.allclose(posterior.eval()(h).mean, before), "averages run on from there"


def test_calibration_leaves_other_posteriors_alone() -> None:
    posterior = GaussianPosterior(16).eval()
    calibrate_batch_norm(posterior, torch.randn(4, 16))

    assert not posterior.training


# The sphere, and the point


@pytest.mark.parametrize("concentration", [0.0, 13.0, 80.0])
def test_von_mises_fisher_has_a_constant_divergence(concentration: float) -> None:
    posterior = VonMisesFisherPosterior(16, latent_dim=32, concentration=concentration)
    h = torch.randn(4, 16)
    q = posterior(h)

    assert isinstance(q, VonMisesFisher) and posterior.prior_cls is UniformSphere
    torch.testing.assert_close(q.mode.norm(dim=-1), torch.ones(4))
    assert mean_kl(posterior, 100 * h) == pytest.approx(posterior.kl_floor, rel=1e-6)
    if concentration == 13:
        assert posterior.kl_floor == pytest.approx(2.1726, abs=5e-5)


def test_point_posterior_makes_an_auto_encoder() -> None:
    posterior = PointPosterior(16, latent_dim=3)
    h = torch.randn(4, 16)

    torch.testing.assert_close(posterior(h).rsample((2,))[1], posterior.project(h))
    assert mean_kl(posterior, h) == posterior.kl_floor == 0
