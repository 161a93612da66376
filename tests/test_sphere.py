"""What spherical distributions promise beyond von Mises-Fisher samples: gradients, other families,
precisions, compilation."""

import math
from collections.abc import Callable, Iterator

import mpmath
import pytest
import torch
from scipy import special, stats
from torch import Tensor
from torch.distributions import kl_divergence

from benchmarks.spherical import accuracy, references
from textvae.distributions import HypersphericalUniform, PowerSpherical, VonMisesFisher
from textvae.distributions.bessel import (
    kl_between,
    kl_to_uniform,
    mean_resultant_gap,
    mean_resultant_length,
    mean_resultant_slope,
    solve_concentration,
)
from textvae.distributions.cosine import draw_artanh_cosine
from textvae.distributions.gamma import power_kl_to_uniform, power_mean_length
from textvae.distributions.zonal import Zonal

FAMILIES = [VonMisesFisher, PowerSpherical]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def direction(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(*shape, dtype=dtype), dim=-1)


# The gradient of samples


def slope_of_mean(law: str, dim: int, k: float) -> float:
    """The derivative of the mean cosine, by quadrature over the normal draw."""
    noise = torch.linspace(-8.6, 8.6, 4001, dtype=torch.float64)
    weight = torch.exp(-noise.square() / 2)
    at = torch.tensor(k, dtype=torch.float64, requires_grad=True)
    w = draw_artanh_cosine(noise, at, dim, law).tanh()
    (slope,) = torch.autograd.grad((w * weight).sum() / weight.sum(), at)
    return slope.item()


@pytest.mark.parametrize("k", [0.0, 0.5, 2.0, 5.0, 11.0, 80.0, 1e4, 1e6])
@pytest.mark.parametrize("dim", [2, 3, 8, 64])
def test_gradient_of_the_mean_cosine_is_exact(dim: int, k: float) -> None:
    exact = mean_resultant_slope(torch.tensor(k, dtype=torch.float64), dim).item()
    assert slope_of_mean("von_mises_fisher", dim, k) == pytest.approx(exact, rel=5e-5)
    exact = (dim - 1) / (k + dim - 1) ** 2
    assert slope_of_mean("power_spherical", dim, k) == pytest.approx(exact, rel=5e-5)


@pytest.mark.parametrize("P", FAMILIES)
@pytest.mark.parametrize("dim", [2, 3, 20])
def test_samples_are_differentiable_in_everything(P: type[Zonal], dim: int) -> None:
    loc = direction(2, dim).requires_grad_()
    k = torch.tensor([1.3, 40.0], dtype=torch.float64, requires_grad=True)

    def sample(loc: Tensor, k: Tensor) -> Tensor:
        torch.manual_seed(1)
        return P(loc / loc.norm(dim=-1, keepdim=True), k).rsample((3,))

    assert torch.autograd.gradcheck(sample, (loc, k))


@pytest.mark.parametrize("shape", [(), (4099,), (3, 1500), (1500, 3)])
def test_samples_are_the_same_with_and_without_gradients(shape: tuple[int, ...]) -> None:
    """Without, they are drawn in blocks."""
    loc = direction(*shape[1:], 17)
    torch.manual_seed(1)
    plain = VonMisesFisher(loc, 20.0).sample(shape[:1])
    torch.manual_seed(1)
    followed = VonMisesFisher(loc.requires_grad_(), 20.0).rsample(shape[:1])
    torch.testing.assert_close(plain, followed)


# Families


@pytest.mark.parametrize("dim, k", [(2, 0.7), (3, 11.0), (32, 80.0), (8, 5000.0)])
def test_power_spherical_is_a_beta_law(dim: int, k: float) -> None:
    loc = direction(dim)
    q = PowerSpherical(loc, k)
    z = q.sample((20_000,))
    beta = stats.beta(k + (dim - 1) / 2, (dim - 1) / 2)
    half = (1 - (z - loc).square().sum(-1) / 4).numpy()

    assert stats.kstest(half, beta.cdf).pvalue > 1e-3 / 4
    assert q.mean.norm().item() == pytest.approx(2 * beta.mean() - 1, rel=1e-12)
    # log p(z) + log|S^(d-2)| + (d - 3)/2 log(1 - w^2) + log 2 is the density of (1 + w) / 2.
    area = math.log(2) + (dim - 1) / 2 * math.log(math.pi) - special.gammaln((dim - 1) / 2)
    w = torch.from_numpy(2 * half - 1)[:50]
    density = q.log_prob(z[:50]) + area + (dim - 3) / 2 * torch.log1p(-w.square()) + math.log(2)
    torch.testing.assert_close(
        density, torch.from_numpy(beta.logpdf(half[:50])), atol=1e-6, rtol=0
    )
    surprise = -q.log_prob(z)
    assert (surprise.mean() - q.entropy()).abs() <= 5 * surprise.std() / 20_000**0.5


@pytest.mark.parametrize("dim", [2, 3, 16, 768])
def test_divergence_of_power_spherical(dim: int) -> None:
    for dtype, tolerance in ((torch.float64, 1e-8), (torch.float32, 2e-7)):
        values = torch.tensor([1e-6, 1e-3, 0.3, 5.0, 7.0, 80.0, 1e4, 1e6], dtype=dtype)
        k = values.requires_grad_()
        found = power_kl_to_uniform(k, dim)
        found.sum().backward()
        for at, value, slope in zip(k.tolist(), found.tolist(), k.grad.tolist(), strict=True):
            assert accuracy.relative(value, accuracy.exact_power_kl(at, dim)) <= tolerance, at
            b = (dim - 1) / 2
            exact = at * (special.polygamma(1, at + b) - special.polygamma(1, at + 2 * b))
            assert slope == pytest.approx(float(exact), rel=1e-6)
    assert power_kl_to_uniform(torch.zeros(()), dim) == 0


@pytest.mark.parametrize("P", FAMILIES)
def test_divergence_is_of_one_sphere(P: type[Zonal]) -> None:
    with pytest.raises(ValueError, match="'p' must have the 5 coordinates of 'q', got 4"):
        kl_divergence(P(direction(5), 3.0), HypersphericalUniform(4))


@pytest.mark.parametrize("dim", [2, 5, 64])
def test_divergence_between_two(dim: int) -> None:
    a, b = direction(2, dim)
    z = VonMisesFisher(a, 9.0).sample((50_000,))
    for k in (0.0, 8.9, 9.0, 9.1, 300.0):
        q, p = VonMisesFisher(a, 9.0), VonMisesFisher(b, k)
        terms = q.log_prob(z) - p.log_prob(z)
        error = 5 * terms.std() / 50_000**0.5
        assert (kl_divergence(q, p) - terms.mean()).abs() <= error + 1e-12
    own = VonMisesFisher(a, 9.0)
    assert kl_divergence(own, own) == 0
    torch.testing.assert_close(
        kl_divergence(own, VonMisesFisher(a, 0.0)),
        kl_divergence(own, HypersphericalUniform(dim)),
    )


@pytest.mark.parametrize("dim", [2, 64])
def test_divergence_between_two_has_its_digits_near_and_far(dim: int) -> None:
    k = torch.tensor([1e-3, 1.0, 30.0, 1e3, 1e6], dtype=torch.float64)
    for ratio in (1 + 1e-6, 1.2, 3.0, 1e3):
        found = kl_between(k, k * ratio, dim)
        for at, value in zip(k.tolist(), found.tolist(), strict=True):
            other = torch.tensor(at, dtype=torch.float64).mul(ratio).item()
            own, far = accuracy.exact(at, dim), accuracy.exact(other, dim)
            with mpmath.workdps(60):
                truth = far["L"] - own["L"] - own["A"] * (mpmath.mpf(other) - mpmath.mpf(at))
            assert accuracy.relative(value, truth) <= 1e-9, (at, ratio)
    near = torch.tensor([5.0, 5.0], dtype=torch.float64, requires_grad=True)
    far = torch.tensor([5.1, 70.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k, m: kl_between(k, m, dim), (near, far))


@pytest.mark.parametrize("dim", [2, 3, 64, 768])
def test_one_less_the_mean_length_keeps_its_digits(dim: int) -> None:
    k = torch.tensor([0.0, 0.1, 5.0, 300.0, 1e4, 1e6], dtype=torch.float64, requires_grad=True)
    gap = mean_resultant_gap(k, dim)
    (slope,) = torch.autograd.grad(gap.sum(), k)

    for at, value in zip(k.tolist(), gap.tolist(), strict=True):
        assert accuracy.relative(value, accuracy.exact(at, dim)["1-A"]) <= 1e-12
    torch.testing.assert_close(slope, -mean_resultant_slope(k, dim))


@pytest.mark.parametrize("k", [1e8, 1e12])
def test_concentrations_beyond_a_million_work(k: float) -> None:
    for dim in (2, 64):
        at = torch.tensor(k, dtype=torch.float64)
        # The tangent is a normal vector of variance 1/k: half of a chi-squared law over k.
        assert mean_resultant_gap(at, dim).item() == pytest.approx((dim - 1) / 2 / k, rel=1e-5)
        q = VonMisesFisher(direction(dim), at)
        gap = (q.sample((20_000,)) - q.loc).square().sum(-1) / 2
        assert gap.mean().item() == pytest.approx((dim - 1) / 2 / k, rel=0.06)
        assert q.log_prob(q.loc).isfinite() and q.entropy().isfinite()


# Fit


@pytest.mark.parametrize("dim", [2, 3, 64, 768])
def test_concentration_is_solved_for(dim: int) -> None:
    k = torch.tensor([1e-3, 0.5, 20.0, 700.0, 1e5, 1e6], dtype=torch.float64)
    solved = solve_concentration(mean_resultant_gap(k, dim), dim)

    torch.testing.assert_close(solved, k, rtol=1e-9, atol=1e-9)


def test_fit_is_the_maximum_of_the_likelihood() -> None:
    truth = VonMisesFisher(direction(2, 5), torch.tensor([3.0, 400.0], dtype=torch.float64))
    z = truth.sample((4000,))
    fitted = VonMisesFisher.fit(z)
    loc, k = fitted.loc.clone().requires_grad_(), fitted.concentration.clone().requires_grad_()
    likelihood = VonMisesFisher(loc / loc.norm(dim=-1, keepdim=True), k).log_prob(z).mean(0).sum()
    slopes = torch.autograd.grad(likelihood, (loc, k))

    assert all(slope.abs().max() < 1e-8 for slope in slopes)
    assert ((fitted.concentration / truth.concentration - 1).abs() < 0.1).all()
    narrow = VonMisesFisher(direction(64), 9e4).sample((500,)).half()
    half = VonMisesFisher.fit(narrow)
    assert half.loc.shape == (64,) and half.mode.dtype == torch.float16
    assert 1e4 < half.concentration.item() < 1e6  # not infinite, as in float16 it would be
    rounded = VonMisesFisher(direction(3), 500.0).sample((4000,)).bfloat16()
    assert VonMisesFisher.fit(rounded).concentration.item() == pytest.approx(500, rel=0.1)
    with pytest.raises(ValueError, match="'samples' must not all be the same point"):
        VonMisesFisher.fit(z[:1].expand(5, 2, 5))
    with pytest.raises(ValueError, match="'samples' must have length 1, got a vector"):
        VonMisesFisher.fit(2 * z)


@pytest.mark.parametrize("dim", [3, 20])
def test_second_derivatives_of_samples_are_refused(dim: int) -> None:
    loc, k = direction(dim).requires_grad_(), torch.tensor(5.0, requires_grad=True)
    z = VonMisesFisher(loc, k).rsample()
    (slope,) = torch.autograd.grad(z[0], k, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable|does not require grad"):
        slope.backward()


# Precision, device, compilation


@pytest.mark.parametrize("P", FAMILIES)
@pytest.mark.parametrize("dim", [4, 16, 64, 768])
def test_autocast_leaves_points_on_the_sphere(P: type[Zonal], dim: int) -> None:
    loc = direction(50, dim, dtype=torch.float32)
    tensor = torch.full((), 5.0, requires_grad=True)
    for k in (5.0, tensor):  # two ways to draw
        torch.manual_seed(1)
        expected = P(loc, k).rsample()
        with torch.autocast("cpu", torch.bfloat16):
            torch.manual_seed(1)
            q = P(loc, k)
            z = q.rsample()
            q.log_prob(z)  # which refuses what is off the sphere
            (slope,) = torch.autograd.grad(z.sum(), tensor) if k is tensor else (None,)
        torch.testing.assert_close(z, expected)
        assert (z.norm(dim=-1) - 1).abs().max() <= 1e-6
    torch.testing.assert_close(slope, torch.autograd.grad(expected.sum(), tensor)[0])


@pytest.mark.parametrize("P", FAMILIES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(P: type[Zonal], dtype: torch.dtype) -> None:
    loc = direction(4, 32, dtype=torch.float32).to(dtype).requires_grad_()
    k = torch.tensor([0.0, 5.0, 80.0, 1e4], dtype=dtype, requires_grad=True)
    q, single = P(loc, k), P(torch.nn.functional.normalize(loc.float(), dim=-1), k.float())
    torch.manual_seed(1)
    z = q.rsample((5,))
    torch.manual_seed(1)

    assert z.dtype == q.mode.dtype == q.mean.dtype == dtype
    assert torch.equal(z, single.rsample((5,)).to(dtype))
    assert q.entropy().dtype == q.log_prob(z).dtype == torch.float32
    torch.testing.assert_close(q.entropy(), single.entropy())
    (z.float().sum() + q.entropy().sum()).backward()
    assert loc.grad.isfinite().all() and k.grad.isfinite().all() and k.grad.dtype == dtype


def test_half_precision_keeps_the_digits_of_the_uniform_law() -> None:
    p = HypersphericalUniform(768, dtype=torch.bfloat16)
    single = HypersphericalUniform(768)
    z = p.sample((4,))

    assert z.dtype == p.mean.dtype == torch.bfloat16
    assert p.entropy() == single.entropy()  # in bfloat16, off by two nats
    assert (p.log_prob(z) == -p.entropy()).all()


@pytest.fixture
def validation() -> Iterator[None]:
    """Turned on again at the end: compiling turns it off everywhere, for good."""
    yield
    torch.distributions.Distribution.set_default_validate_args(True)


@pytest.mark.parametrize("P", FAMILIES)
def test_compiles_as_one_graph(validation: None, P: type[Zonal]) -> None:
    def step(k: Tensor, loc: Tensor) -> tuple[Tensor, Tensor]:
        q = P(loc, k)
        return q.rsample(), kl_divergence(q, HypersphericalUniform(q.dim, validate_args=False))

    def run(step: Callable[..., tuple[Tensor, Tensor]], loc: Tensor) -> list[Tensor]:
        k = torch.tensor([0.0, 5.0, 80.0, 1e4], requires_grad=True)
        loc = loc.clone().requires_grad_()
        torch.manual_seed(1)
        z, divergence = step(k, loc)
        (z.square().cumsum(-1).sum() + divergence.sum()).backward()
        return [z.detach(), divergence.detach(), k.grad, loc.grad]

    compiled = torch.compile(step, fullgraph=True, backend="eager")
    for dim in (64, 20):  # the second time, the compiler would have it variable
        loc = direction(4, dim, dtype=torch.float32)
        torch.testing.assert_close(run(compiled, loc), run(step, loc))
    fixed = torch.compile(lambda loc: P(loc, 7.0).rsample(), fullgraph=True, backend="eager")
    assert fixed(loc).shape == (4, 20)


# The references


@pytest.mark.parametrize("dim, k", [(3, 5.0), (64, 11.0), (64, 500.0)])
def test_reference_samplers_agree(dim: int, k: float) -> None:
    at = torch.tensor(k, dtype=torch.float64)
    grid = references.GridInverse(k, dim, points=20_001).sample(20_000)
    loc = direction(20_000, dim, dtype=torch.float32)
    whole = (references.wood_sample(loc, k) * loc).sum(-1)

    for w in (references.wood_cosine(k, dim, 20_000), grid, whole):
        error = (mean_resultant_slope(at, dim) / 20_000).sqrt()
        assert (w.mean() - mean_resultant_length(at, dim)).abs() <= 5 * error
    ours = draw_artanh_cosine(torch.randn(20_000), k, dim).tanh()
    assert stats.ks_2samp(ours.numpy(), grid.numpy()).pvalue > 1e-3


def test_zero_is_uniform_for_every_family() -> None:
    zero = torch.zeros(())
    for divergence in (kl_to_uniform, power_kl_to_uniform):
        assert divergence(zero, 8) == 0
    assert power_mean_length(zero, 8) == mean_resultant_length(zero, 8) == 0


def test_what_inference_builds_can_be_trained_with() -> None:
    loc, k = direction(2, 17), torch.tensor([3.0, 5.0], dtype=torch.float64)
    with torch.inference_mode():
        VonMisesFisher(loc, k).sample(), mean_resultant_slope(k, 17)
        VonMisesFisher(loc, 3.5).sample()
    loc, k = loc.clone().requires_grad_(), k.clone().requires_grad_()
    z = VonMisesFisher(loc, k, validate_args=False).rsample() + VonMisesFisher(loc, 3.5).rsample()

    (z.sum() + mean_resultant_slope(k, 17).sum()).backward()
    assert k.grad.isfinite().all() and loc.grad.isfinite().all()
