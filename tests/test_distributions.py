"""Distributions against scipy, quadrature and their own samples."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from textvae.distributions import (
    HypersphericalUniform,
    Point,
    PowerSpherical,
    VonMisesFisher,
    kl,
)
from textvae.distributions.cosine import draw_artanh_cosine

DIMS = [2, 3, 32, 64]
CONCENTRATIONS = [0.0, 0.5, 11.0, 80.0, 500.0]
GRID = [(dim, k) for dim in DIMS for k in CONCENTRATIONS]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def direction(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(*shape, dtype=dtype), dim=-1)


def exact_rank(dim: int, k: float, angle: np.ndarray) -> np.ndarray:
    """The probability of a larger angle to the mean direction, by quadrature in the angle."""
    mode = math.acos(math.tanh(math.asinh(2 * k / (dim - 1)) / 2))
    width = 12 / math.sqrt(k + dim)
    angles = np.linspace(max(0.0, mode - width), min(math.pi, mode + width), 50_001)
    log_density = k * np.cos(angles) + (dim - 2) * np.log(np.sin(angles).clip(1e-300))
    density = np.exp(log_density - log_density.max())
    beyond = integrate.cumulative_simpson(density, x=angles, initial=0)
    return 1 - np.interp(angle, angles, beyond / beyond[-1])


# The law of the cosine


@pytest.mark.parametrize(
    "dtype, shared, tolerance",
    [(torch.float64, False, 1e-7), (torch.float32, False, 2e-6), (torch.float64, True, 4e-6)],
)
@pytest.mark.parametrize("dim, k", [*GRID, (2, 1e5), (4, 5e3), (256, 15.0), (768, 5e3)])
def test_table_is_the_inverse_of_the_distribution_function(
    dim: int, k: float, dtype: torch.dtype, shared: bool, tolerance: float
) -> None:
    noise = torch.linspace(-5.5, 5.5, 1001, dtype=dtype)
    y = draw_artanh_cosine(noise, torch.tensor(k, dtype=dtype) if shared else k, dim)

    assert (y.diff() > 0).all()
    angle = 2 * y.double().neg().exp().atan()  # cos(angle) = tanh(y)
    ranks = exact_rank(dim, k, angle.numpy())
    np.testing.assert_allclose(ranks, stats.norm.cdf(noise.numpy()), rtol=0, atol=tolerance)


@pytest.mark.parametrize("k", [0.0, 3.0, 1e3, 1e6, 1e12])
@pytest.mark.parametrize("dim", [2, 3, 100, 5000])
def test_table_holds_for_every_draw(dim: int, k: float) -> None:
    noise = torch.tensor([-40.0, -8.6, 0.0, 8.6, 40.0], dtype=torch.float64)
    for concentration in (k, torch.tensor(k)):
        y = draw_artanh_cosine(noise, concentration, dim)
        assert y.isfinite().all() and (y.diff() >= 0).all()
        if k == 0:  # symmetric
            inside = y[1:-1]
            torch.testing.assert_close(inside, -inside.flip(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dim, k", GRID)
def test_samples_follow_the_exact_law(dim: int, k: float) -> None:
    mu = direction(dim)
    w = (VonMisesFisher(mu, k).sample((50_000,)) * mu).sum(-1).clamp(-1, 1).numpy()

    # One in a thousand for the whole grid.
    p = stats.kstest(w, lambda x: exact_rank(dim, k, np.arccos(x))).pvalue
    assert p > 1e-3 / len(GRID)


@pytest.mark.parametrize(
    "dim, k, cosine", [(64, 11.0, 0.167), (256, 15.0, 0.058), (32, 0.0, 0.0), (2, 3.0, None)]
)
def test_mean_cosine_is_the_mean_resultant_length(
    dim: int, k: float, cosine: float | None
) -> None:
    mu = direction(dim)
    q = VonMisesFisher(mu, k)
    w = (q.sample((20_000,)) * mu).sum(-1)
    expected = (q.mean * mu).sum(-1)

    # Where the copied sampler has -0.175 and -0.617.
    assert cosine is None or expected.item() == pytest.approx(cosine, abs=5e-4)
    assert (w.mean() - expected).abs() <= 4 * w.std() / 20_000**0.5
    if dim == 2:
        exact = special.ive(1, k) / special.ive(0, k)
        assert expected.item() == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize("dim", [2, 3, 8])
def test_samples_have_the_exact_first_and_second_moments(dim: int) -> None:
    k, size = 4.0, 100_000
    mu = direction(dim)
    q = VonMisesFisher(mu, k)
    z = q.sample((size,))
    along = torch.outer(mu, mu)
    ratio = q.mean @ mu / k
    second = ratio * torch.eye(dim) + (1 - dim * ratio) * along

    for value, exact in ((z, q.mean), (z[:, :, None] * z[:, None, :], second)):
        assert ((value.mean(0) - exact).abs() <= 5 * value.std(0) / size**0.5).all()


# Putting samples together


@pytest.mark.parametrize("k", [0.0, 1.0, 80.0, 1e4, 1e6])
@pytest.mark.parametrize("dim", [2, 3, 16, 64, 768])
def test_samples_stay_on_the_sphere(dim: int, k: float) -> None:
    first = torch.eye(dim)[0]
    near = [first + shift * direction(dim, dtype=torch.float32) for shift in (1e-3, 1e-5, 1e-7)]
    loc = torch.nn.functional.normalize(torch.stack([first, -first, *near]), dim=-1)
    z = VonMisesFisher(loc, k).sample((2000,))

    assert (z.double().norm(dim=-1) - 1).abs().max() <= 1e-6
    # Near the axis as everywhere: the mean cosine is right within five standard errors.
    w = (z * loc).sum(-1)
    exact = (VonMisesFisher(loc, k).mean * loc).sum(-1)
    assert ((w.mean(0) - exact).abs() <= 5 * w.std(0) / 2000**0.5 + 1e-6).all()


def test_concentration_0_is_the_uniform_distribution() -> None:
    mu = direction(3)
    q, p = VonMisesFisher(mu, 0.0), HypersphericalUniform(3)
    z = q.sample((50_000,))

    torch.testing.assert_close(q.log_prob(z), p.log_prob(z), rtol=0, atol=1e-14)
    assert kl_divergence(q, p) == 0 and (q.mean == 0).all()
    # Archimedes: every coordinate of the sphere in three dimensions is uniform.
    for axis in (mu, *torch.eye(3, dtype=mu.dtype)):
        assert stats.kstest((z * axis).sum(-1).numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_a_seed_fixes_the_draws_whatever_the_concentration() -> None:
    q = VonMisesFisher(direction(4, 5), 30.0)
    torch.manual_seed(3)
    first, after = q.sample((7,)), torch.rand(())
    torch.manual_seed(3)
    torch.randn(7, 4, dtype=torch.float64), torch.randn(7, 4, 5, dtype=torch.float64)

    assert after == torch.rand(())
    torch.manual_seed(3)
    assert torch.equal(first, q.sample((7,)))


# Densities


@pytest.mark.parametrize("dim, k", [(dim, k) for dim, k in GRID if k > 0])
def test_density_and_entropy_agree_with_scipy(dim: int, k: float) -> None:
    mu = direction(dim)
    q, reference = VonMisesFisher(mu, k), stats.vonmises_fisher(mu.numpy(), k)
    z = q.sample((100,))

    np.testing.assert_allclose(q.log_prob(z), reference.logpdf(z.numpy()), rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(q.entropy(), reference.entropy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim, k", [(1024, 100.0), (64, 0.5), (3, 1e5), (2, 80.0)])
def test_entropy_is_the_mean_surprise_also_where_scipy_has_none(dim: int, k: float) -> None:
    q = VonMisesFisher(direction(dim), k)
    surprise = -q.log_prob(q.sample((5000,)))

    assert (surprise.mean() - q.entropy()).abs() <= 5 * surprise.std() / 5000**0.5


def test_density_keeps_its_digits_in_float32() -> None:
    q = VonMisesFisher(direction(32), 1e6)
    z = q.sample((100,))
    single = VonMisesFisher(q.loc.float(), 1e6).log_prob(z.float())

    # The rounding of z and loc is worth sqrt(k) eps; k <mu, z> - L in float32 would lose 0.1.
    torch.testing.assert_close(single.double(), q.log_prob(z), rtol=0, atol=2e-2)


def test_uniform_density_is_one_over_the_area() -> None:
    areas = {2: 2 * math.pi, 3: 4 * math.pi, 4: 2 * math.pi**2}
    for dim, area in areas.items():
        p = HypersphericalUniform(dim, dtype=torch.float64)
        z = p.sample((5, 2))
        assert z.shape == (5, 2, dim) and p.log_prob(z).shape == (5, 2)
        assert p.log_prob(z)[0, 0].item() == pytest.approx(-math.log(area), rel=1e-14)
        assert p.entropy().item() == pytest.approx(math.log(area), rel=1e-14)
        torch.testing.assert_close(z.norm(dim=-1), torch.ones_like(z[..., 0]))

    z = HypersphericalUniform(5).sample((100_000,))
    error = z.var(0) * (2 / 100_000) ** 0.5
    assert ((z.var(0) - HypersphericalUniform(5).variance).abs() <= 5 * error).all()


# Divergences


@pytest.mark.parametrize("dim, k", GRID)
def test_divergence_to_uniform_is_what_samples_say(dim: int, k: float) -> None:
    q, p = VonMisesFisher(direction(3, dim), k), HypersphericalUniform(dim, dtype=torch.float64)
    z = q.sample((5000,))
    terms = q.log_prob(z) - p.log_prob(z)
    value, per_dim = kl(q, p, z)

    assert value.shape == (3,) and per_dim is None
    assert ((value - terms.mean(0)).abs() <= 5 * terms.std(0) / 5000**0.5 + 1e-12).all()


def test_divergence_by_dimension_where_dimensions_are_independent() -> None:
    q = Independent(Normal(torch.randn(4, 3), torch.rand(4, 3) + 0.1), 1)
    p = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    value, per_dim = kl(q, p, q.sample((1,)))

    torch.testing.assert_close(value, kl_divergence(q, p))
    torch.testing.assert_close(per_dim, kl_divergence(q.base_dist, p.base_dist))


def test_divergence_without_a_rule_is_estimated_from_the_given_samples() -> None:
    q, p = PowerSpherical(direction(4, 6), 20.0), VonMisesFisher(direction(6), 3.0)
    z = q.sample((20_000,))
    value, per_dim = kl(q, p, z)

    exact = -q.entropy() - p.log_prob(p.loc) + 3 * (1 - q.mean @ p.loc)
    error = (q.log_prob(z) - p.log_prob(z)).std(0) / 20_000**0.5
    assert per_dim is None and ((value - exact).abs() <= 5 * error).all()


def test_point_costs_nothing_and_has_no_spread() -> None:
    q = Point(torch.randn(4, 3))
    p = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    z = q.rsample((2,))

    assert torch.equal(z, q.loc.expand(2, 4, 3)) and torch.equal(q.mean, q.mode)
    assert kl(q, p, z)[0].tolist() == [0] * 4 and (q.variance == 0).all()
    assert (q.log_prob(z) == 0).all() and (q.log_prob(z + 1) == -math.inf).all()


# Gradients


@pytest.mark.parametrize("dim", [2, 3, 20])
def test_gradient_of_samples_reaches_the_mean_direction(dim: int) -> None:
    k, blocks = 5.0, 50
    mu, axis = direction(dim).requires_grad_(), direction(dim)
    gradients = []
    for _ in range(blocks):
        z = VonMisesFisher(mu / mu.norm(), k).rsample((1000,))
        gradients += torch.autograd.grad((z @ axis).square().mean(), mu)
    gradients = torch.stack(gradients)

    # E<a, z>^2 = A/k + (1 - d A/k) <a, mu>^2
    ratio = VonMisesFisher(mu, k).mean.detach().norm() / k
    inner = (mu @ axis).detach()
    exact = (1 - dim * ratio) * 2 * inner * (axis - inner * mu.detach())
    error = gradients.std(0) / blocks**0.5
    assert ((gradients.mean(0) - exact).abs() <= 5 * error).all()


def test_density_is_differentiable_in_everything() -> None:
    mu, z = direction(3, 4).requires_grad_(), direction(3, 4).requires_grad_()
    k = torch.tensor([0.5, 3.0, 90.0], dtype=torch.float64, requires_grad=True)

    def log_prob(mu: Tensor, k: Tensor, z: Tensor) -> Tensor:
        mu, z = (x / x.norm(dim=-1, keepdim=True) for x in (mu, z))
        return VonMisesFisher(mu, k).log_prob(z)

    assert torch.autograd.gradcheck(log_prob, (mu, k, z))
    p = HypersphericalUniform(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda k: kl_divergence(VonMisesFisher(mu.detach(), k), p), k)


# Shapes and refusals


@pytest.mark.parametrize(
    "q",
    [
        VonMisesFisher(torch.eye(3)[:2], 5.0),
        VonMisesFisher(torch.eye(3)[0], torch.tensor([1.0, 5.0])),
        VonMisesFisher(torch.eye(3)[:2], torch.tensor([1.0, 5.0])),
        PowerSpherical(torch.eye(3)[:2], torch.tensor([1.0, 5.0])),
        HypersphericalUniform(3).expand((2,)),
        Point(torch.randn(2, 3)),
    ],
    ids=["number", "broadcast", "tensor", "power", "uniform", "point"],
)
def test_shapes_and_expand(q: Distribution) -> None:
    wide = q.expand((4, 2))
    z = wide.rsample((5,))

    assert q.batch_shape == (2,) and wide.batch_shape == (4, 2) and z.shape == (5, 4, 2, 3)
    assert q.log_prob(z).shape == wide.log_prob(z).shape == (5, 4, 2)
    assert q.mean.shape == (2, 3) and wide.mean.shape == (4, 2, 3)
    assert q.sample().shape == (2, 3)
    torch.testing.assert_close(wide.mean[1], q.mean)
    if not isinstance(q, Point):
        assert q.entropy().shape == (2,) and wide.entropy().shape == (4, 2)
    assert type(q).__name__ in repr(q)


def test_each_concentration_of_a_batch_has_its_own_law() -> None:
    k = torch.tensor([0.0, 7.0, 7.0, 300.0], dtype=torch.float64)
    mu = direction(4, 6)
    w = (VonMisesFisher(mu, k).sample((20_000,)) * mu).sum(-1)
    exact = (VonMisesFisher(mu, k).mean * mu).sum(-1)

    assert ((w.mean(0) - exact).abs() <= 5 * w.std(0) / 20_000**0.5).all()


@pytest.mark.parametrize("P", [VonMisesFisher, PowerSpherical])
@pytest.mark.parametrize("k", [-1.0, math.nan, math.inf])
def test_impossible_concentrations_are_refused(P: type[Distribution], k: float) -> None:
    message = f"'concentration' must be finite and at least 0, got {k}"
    for concentration in (k, torch.tensor([1.0, k, -7.0])):
        with pytest.raises(ValueError, match=message):
            P(torch.eye(3), concentration)


def test_vectors_off_the_sphere_are_refused() -> None:
    with pytest.raises(ValueError, match="'loc' must have length 1, got a vector of length 2"):
        VonMisesFisher(torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]), 1.0)
    with pytest.raises(ValueError, match="UnitVector"):
        VonMisesFisher(torch.eye(3)[0], 1.0).log_prob(torch.ones(3))
    with pytest.raises(ValueError, match="'loc' must be of a floating point type, got torch"):
        VonMisesFisher(torch.tensor([0, 1]), 1.0)
    with pytest.raises(ValueError, match="'concentration' must be a number that torch.float32"):
        VonMisesFisher(torch.tensor([0.0, 1.0]), 1e300)
    with pytest.raises(ValueError, match="'p' must have the 2 coordinates of 'q', got 3"):
        kl_divergence(VonMisesFisher(torch.eye(2)[0], 1.0), VonMisesFisher(torch.eye(3)[0], 1.0))
    with pytest.raises(ValueError, match=r"'loc' must have at least 2 coordinates, got shape"):
        PowerSpherical(torch.ones(4, 1), 1.0)
    with pytest.raises(ValueError, match="'dim' must be at least 2 on a sphere, got 1"):
        HypersphericalUniform(1)
