"""Samples against the exact law, and their gradients against the exact slope."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import integrate, stats

from textvae.distributions import VonMisesFisher
from textvae.distributions.bessel import mean_resultant_length, mean_resultant_slope
from textvae.distributions.cosine import draw_artanh_cosine

DIMS = (2, 3, 8, 32, 64, 256, 768)
CONCENTRATIONS = (0.0, 0.5, 5.0, 11.0, 15.0, 80.0, 500.0, 5000.0, 1e5)
SIZE = 1_000_000
WHOLE_SIZE = 100_000
"""Of samples of all dimensions, in float32."""

SIGNIFICANCE = 1e-3
P_VALUE = "least p-value x tests"
TARGETS = {
    "mean cosine, standard errors": 4.0,
    "gradient beyond 4 standard errors, relative": 1e-4,
    "gradient without noise, relative": 1e-4,
    "norm off 1, float32": 1e-6,
}


def exact_rank(dim: int, k: float, angle: np.ndarray) -> np.ndarray:
    """The probability of a larger angle to the mean direction, by quadrature."""
    mode = math.acos(math.tanh(math.asinh(2 * k / (dim - 1)) / 2))
    width = 12 / math.sqrt(k + dim)
    angles = np.linspace(max(0.0, mode - width), min(math.pi, mode + width), 200_001)
    log_density = k * np.cos(angles) + (dim - 2) * np.log(np.sin(angles).clip(1e-300))
    density = np.exp(log_density - log_density.max())
    beyond = integrate.cumulative_simpson(density, x=angles, initial=0)
    return 1 - np.interp(angle, angles, beyond / beyond[-1])


def measure(size: int = SIZE, device: str = "cpu") -> dict[str, float]:
    """Over the grid: the least p-value, of cosines by either table and of whole samples, times the
    number of tests; the largest distance of the mean cosine and of its gradient, in standard
    errors and relative to the exact ones."""
    pairs = [(dim, k) for dim in DIMS for k in CONCENTRATIONS]
    least, mean, slope, excess = 1.0, 0.0, 0.0, 0.0
    for dim, k in pairs:
        noise = torch.randn(size, dtype=torch.float64, device=device)
        at = torch.tensor(k, dtype=torch.float64, device=device, requires_grad=True)
        each = at.expand(size)  # as where every sentence has its own
        (gradient,) = torch.autograd.grad(
            (w := draw_artanh_cosine(noise, each, dim).tanh()).sum(), each
        )
        fixed = draw_artanh_cosine(noise, k, dim).tanh()
        for cosines in (w.detach(), fixed):
            least = min(least, p_value(dim, k, cosines.arccos()))
            error = cosines.std() / math.sqrt(size)
            exact = mean_resultant_length(at.detach(), dim)
            mean = max(mean, float((cosines.mean() - exact).abs() / error))
        least = min(least, p_value(dim, k, whole_angles(dim, k, device)))
        exact = mean_resultant_slope(at, dim).item()
        distance = abs(gradient.mean().item() - exact)
        error = gradient.std().item() / math.sqrt(size)
        slope = max(slope, distance / error)
        excess = max(excess, max(0.0, distance - 4 * error) / exact)
    return {
        P_VALUE: min(1.0, least * 3 * len(pairs)),
        "mean cosine, standard errors": mean,
        "gradient of it, standard errors": slope,
        "gradient beyond 4 standard errors, relative": excess,
        "gradient without noise, relative": bias(device),
        "norm off 1, float32": off_sphere(device),
    }


def p_value(dim: int, k: float, angles: torch.Tensor) -> float:
    """Of a test of Kolmogorov and Smirnov against the exact law."""
    ranks = exact_rank(dim, k, angles.double().cpu().numpy())
    return float(stats.kstest(ranks, "uniform").pvalue)


def whole_angles(dim: int, k: float, device: str = "cpu") -> torch.Tensor:
    """Those of whole float32 samples to their mean direction, by the chord, which is exact where
    they are small."""
    loc = F.normalize(torch.randn(dim, device=device), dim=0)
    law, chunk = VonMisesFisher(loc, k, validate_args=False), WHOLE_SIZE // 10
    chords = [(law.sample((chunk,)).double() - loc).norm(dim=-1) for _ in range(10)]
    return 2 * (torch.cat(chords) / 2).clamp(max=1).arcsin()


def bias(device: str = "cpu") -> float:
    """How far the slope of the mean cosine is from A', by quadrature over the normal draw."""
    noise = torch.linspace(-8.6, 8.6, 20_001, dtype=torch.float64, device=device)
    weight = torch.exp(-noise.square() / 2)
    worst = 0.0
    for dim in DIMS:
        for k in (0.0, 0.5, 1.0, 2.0, *CONCENTRATIONS[2:], 1e6):
            at = torch.tensor(k, dtype=torch.float64, device=device, requires_grad=True)
            w = draw_artanh_cosine(noise, at, dim).tanh()
            (slope,) = torch.autograd.grad((w * weight).sum() / weight.sum(), at)
            exact = mean_resultant_slope(at.detach(), dim)
            worst = max(worst, float((slope / exact - 1).abs()))
    return worst


def off_sphere(device: str = "cpu") -> float:
    """The largest distance of a norm from 1 in float32, the first axis and its neighbours among
    the mean directions."""
    worst = 0.0
    for dim in DIMS:
        axis = torch.eye(dim, device=device)[0]
        others = torch.randn(6, dim, device=device)
        near = [axis + size * F.normalize(others[0], dim=0) for size in (1e-3, 1e-5, 1e-7)]
        loc = F.normalize(torch.stack([axis, -axis, *near, *others]), dim=-1)
        for k in (*CONCENTRATIONS, 1e6):
            z = VonMisesFisher(loc, k, validate_args=False).sample((500,))
            worst = max(worst, float((z.double().norm(dim=-1) - 1).abs().max()))
    return worst
