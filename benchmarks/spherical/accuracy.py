"""The special functions against arbitrary precision."""

from collections.abc import Callable, Sequence

import mpmath
import torch
from torch import Tensor

from textvae.distributions.bessel import (
    kl_to_uniform,
    log_normaliser,
    mean_resultant_gap,
    mean_resultant_length,
    mean_resultant_slope,
)
from textvae.distributions.gamma import power_kl_to_uniform

DIMS = (2, 3, 4, 8, 16, 32, 64, 256, 768, 1024, 4096)
CONCENTRATIONS = (0.0, *(m * 10.0**e for e in range(-6, 6) for m in (1, 3)), 1e6)

FUNCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "L": log_normaliser,
    "A": mean_resultant_length,
    "1-A": mean_resultant_gap,
    "A'": mean_resultant_slope,
    "KL": kl_to_uniform,
}
TARGETS = {
    "float64 L": 1e-14,
    "float64 A": 1e-14,
    "float64 A'": 1e-11,
    "float64 KL": 1e-12,
    "float32 KL": 3e-6,
    "float32 KL gradient": 1e-4,
}


def exact(k: float, dim: int) -> dict[str, mpmath.mpf]:
    """The functions from Bessel functions of 60 digits, at 0 from their limits."""
    with mpmath.workdps(60):
        if k == 0:
            zero = mpmath.mpf(0)
            return {"L": zero, "A": zero, "1-A": 1 - zero, "A'": mpmath.mpf(1) / dim, "KL": zero}
        v, k = mpmath.mpf(dim) / 2 - 1, mpmath.mpf(k)
        # Some series need more terms than mpmath takes by itself.
        lower, upper = (mpmath.besseli(order, k, maxterms=10**8) for order in (v, v + 1))
        a = upper / lower
        value = mpmath.log(lower) + mpmath.loggamma(v + 1) - v * mpmath.log(k / 2)
        slope = 1 - a**2 - (2 * v + 1) / k * a
        return {"L": value, "A": a, "1-A": 1 - a, "A'": slope, "KL": k * a - value}


def exact_power_kl(k: float, dim: int) -> mpmath.mpf:
    """The divergence of a Power Spherical law to the uniform one, from 60 digits."""
    with mpmath.workdps(60):
        k, b = mpmath.mpf(k), mpmath.mpf(dim - 1) / 2

        def part(x: mpmath.mpf) -> mpmath.mpf:
            return mpmath.loggamma(x) - mpmath.loggamma(x + k) + k * mpmath.psi(0, x + k)

        return part(b) - part(2 * b)


def measure(dims: Sequence[int] = DIMS, device: str = "cpu") -> dict[str, float]:
    """The largest relative error of each function over the grid, in both precisions."""
    worst: dict[str, float] = {}
    for dim in dims:
        for dtype in (torch.float64, torch.float32):
            k = torch.tensor(CONCENTRATIONS, dtype=dtype, device=device, requires_grad=True)
            # Against the rounded input: in float32 that is another concentration.
            truth = [exact(value, dim) for value in k.tolist()]
            found = {name: function(k, dim) for name, function in FUNCTIONS.items()}
            (found["KL gradient"],) = torch.autograd.grad(found["KL"].sum(), k)
            power = power_kl_to_uniform(k, dim)
            found["KL, Power Spherical"] = power
            for value, row in zip(k.tolist(), truth, strict=True):
                row["KL gradient"] = mpmath.mpf(value) * row["A'"]
                row["KL, Power Spherical"] = exact_power_kl(value, dim)
            for name, values in found.items():
                key = f"{str(dtype).removeprefix('torch.')} {name}"
                error = max(map(relative, values.tolist(), (row[name] for row in truth)))
                worst[key] = max(worst.get(key, 0.0), error)
    return worst


def relative(value: float, truth: mpmath.mpf) -> float:
    """The relative error; infinite where the value is not a number."""
    if not mpmath.isfinite(value):
        return float("inf")
    return float(abs(value - truth) / abs(truth)) if truth else abs(value)
