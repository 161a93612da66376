"""The special functions of the sphere, against arbitrary precision."""

from collections.abc import Callable
from functools import lru_cache, partial

import mpmath
import pytest
import torch
from torch import Tensor

from textvae.distributions.bessel import (
    kl_to_uniform,
    log_normaliser,
    mean_resultant_length,
    mean_resultant_slope,
)

DIMS = [2, 3, 4, 8, 16, 32, 50, 51, 64, 256, 1024, 4096]
CONCENTRATIONS = [1e-6, 1e-3, 0.1, 0.89, 1.0, 5.0, 11.0, 30.0, 67.0, 300.0, 1e3, 1e4, 1e5, 1e6]

# Function, the largest relative error in float64, and in float32 (its own rounding of the input
# included, which A' at large concentrations passes on twice).
FUNCTIONS = [
    pytest.param(log_normaliser, 0, 1e-14, 2e-7, id="log_normaliser"),
    pytest.param(mean_resultant_length, 1, 1e-14, 2e-7, id="mean_resultant_length"),
    pytest.param(mean_resultant_slope, 2, 1e-11, 2e-7, id="mean_resultant_slope"),
    pytest.param(kl_to_uniform, 3, 1e-12, 2e-7, id="kl_to_uniform"),
]


@lru_cache
def exact(k: float, dim: int) -> tuple[mpmath.mpf, ...]:
    """L, A, A' and KL, from Bessel functions of 60 digits."""
    with mpmath.workdps(60):
        v, k = mpmath.mpf(dim) / 2 - 1, mpmath.mpf(k)
        lower, upper = mpmath.besseli(v, k), mpmath.besseli(v + 1, k)
        length = upper / lower
        log_normaliser = mpmath.log(lower) + mpmath.loggamma(v + 1) - v * mpmath.log(k / 2)
        slope = 1 - length**2 - (2 * v + 1) / k * length
        return log_normaliser, length, slope, k * length - log_normaliser


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("function, position, double, single", FUNCTIONS)
def test_relative_error(
    function: Callable[[Tensor, int], Tensor],
    position: int,
    double: float,
    single: float,
    dim: int,
) -> None:
    for dtype, tolerance in ((torch.float64, double), (torch.float32, single)):
        k = torch.tensor(CONCENTRATIONS, dtype=dtype)
        for value, at in zip(function(k, dim).tolist(), k.tolist(), strict=True):
            reference = exact(at, dim)[position]
            assert abs(value - reference) <= tolerance * abs(reference), (dtype, at)


@pytest.mark.parametrize("dim", DIMS)
def test_concentration_0_is_uniform_exactly(dim: int) -> None:
    zero = torch.zeros((), dtype=torch.float64)

    assert log_normaliser(zero, dim) == mean_resultant_length(zero, dim) == 0
    assert kl_to_uniform(zero, dim) == 0
    assert mean_resultant_slope(zero, dim).item() == pytest.approx(1 / dim, rel=1e-14)


@pytest.mark.parametrize(
    "concentration, dim, kl, copied",
    [
        (13.0, 32, 2.1726, 2.0836),
        (35.0, 50, 7.743, 7.628),
        (80.0, 50, 19.515, 19.585),
        (100.0, 25, 18.8025, 19.429),
    ],
)
def test_divergence_is_not_that_of_two_more_dimensions(
    concentration: float, dim: int, kl: float, copied: float
) -> None:
    k = torch.tensor(concentration)

    assert kl_to_uniform(k, dim).item() == pytest.approx(kl, abs=5e-4)
    # What two widely copied codes give instead.
    assert kl_to_uniform(k, dim + 2).item() == pytest.approx(copied, abs=5e-4)


@pytest.mark.parametrize("dim", [2, 5, 64])
def test_derivatives_in_closed_form(dim: int) -> None:
    k = torch.tensor([0.0, 0.3, 7.0, 150.0], dtype=torch.float64, requires_grad=True)

    inside = k[1:].detach().requires_grad_()
    for function in (log_normaliser, mean_resultant_length, kl_to_uniform):
        assert torch.autograd.gradcheck(partial(function, dim=dim), inside)
        assert torch.autograd.gradgradcheck(partial(function, dim=dim), inside)
    (slope,) = torch.autograd.grad(kl_to_uniform(k, dim).sum(), k)
    torch.testing.assert_close(slope, k * mean_resultant_slope(k, dim))


@pytest.mark.parametrize("dim", [64, 256, 768])
def test_gradients_stay_finite_where_bessel_functions_underflow(dim: int) -> None:
    k = torch.tensor([0.0, 1e-6, 0.5, 60.0, 700.0, 1e6], requires_grad=True)
    kl = kl_to_uniform(k, dim)
    kl.sum().backward()

    assert kl.isfinite().all() and k.grad.isfinite().all()


@pytest.mark.parametrize("function", [log_normaliser, kl_to_uniform, mean_resultant_slope])
def test_what_is_no_concentration_or_no_sphere_has_no_value(
    function: Callable[[Tensor, int], Tensor],
) -> None:
    k = torch.tensor([-1.0, 0.0, 2.0])
    assert function(k, 4).isnan().tolist() == [True, False, False]
    with pytest.raises(ValueError, match="'dim' must be at least 2, got 1"):
        function(k, 1)
