r"""Special functions of the Power Spherical distribution, for any dimension and concentration.

With :math:`b = (d - 1) / 2` and :math:`a = b + k`, the cosine w to the mean direction is such that
:math:`(1 + w) / 2 \sim \operatorname{Beta}(a, b)`. The divergence to the uniform law is

.. math:: \mathrm{KL}(k) = B(b) - B(2 b), \qquad
    B(x) = \log \Gamma(x) - \log \Gamma(x + k) + k \, \psi(x + k)

where each B grows like k, and both are small at small k: as written, nothing is left in float32.
Here each is a Bregman divergence of positive terms at :math:`x + 10`, where Stirling's series
holds, and the k that both share is taken out by hand.

References:
    | The Power Spherical Distribution (De Cao & Aziz, 2020)
    | https://arxiv.org/abs/2006.04437
"""

__all__ = ["power_kl_to_uniform", "power_log_peak", "power_mean_length"]

from typing import Any

import torch
from torch import Tensor

SHIFT = 10
"""How far the argument of Stirling's series is moved from 0."""

STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156]
"""log Gamma(x) = (x - 1/2) log x - x + log(2 pi) / 2 + sum_n c_n x^(1 - 2 n)."""

NUM_SERIES = 26
"""Terms of the series of :func:`_log1p_rest`, whose argument is at most 1/5 squared."""


def power_kl_to_uniform(concentration: Tensor, dim: int) -> Tensor:
    """The divergence from the Power Spherical to the uniform law, in nats.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _KL.apply(concentration, dim)


def power_mean_length(concentration: Tensor, dim: int) -> Tensor:
    """The length of the mean vector: k / (k + d - 1)."""
    return concentration / (concentration + (dim - 1))


def power_log_peak(concentration: Tensor, dim: int) -> Tensor:
    """The log-density at the mode relative to the uniform law, in nats."""
    k, b = concentration.double(), torch.tensor((dim - 1) / 2, dtype=torch.float64)
    peak = torch.lgamma(2 * b + k) - torch.lgamma(b + k) + torch.lgamma(b) - torch.lgamma(2 * b)
    return peak.to(torch.promote_types(concentration.dtype, torch.float32))


class _KL(torch.autograd.Function):
    """The divergence in float64, with its derivative k (psi'(b + k) - psi'(2 b + k))."""

    @staticmethod
    def forward(ctx: Any, k: Tensor, dim: int) -> Tensor:
        ctx.save_for_backward(k)
        ctx.dim = dim
        return _kl(k.double(), (dim - 1) / 2).to(torch.promote_types(k.dtype, torch.float32))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (k,) = ctx.saved_tensors
        a = k.double() + (ctx.dim - 1) / 2
        slope = torch.polygamma(1, a) - torch.polygamma(1, a + (ctx.dim - 1) / 2)
        return (grad * k.double() * slope).to(k.dtype), None


def _kl(k: Tensor, b: float) -> Tensor:
    lower, upper = b + SHIFT, 2 * b + SHIFT
    near = upper * _log1p_rest(k / upper) - lower * _log1p_rest(k / lower)
    far = upper * (k / upper).log1p() - lower * (k / lower).log1p()
    return torch.where(k < lower / 2, near, far) + _rest(k, b) - _rest(k, 2 * b)


def _rest(k: Tensor, x: float) -> Tensor:
    """B(x) without the part k - X log(1 + k / X) at X = x + 10."""
    total = torch.zeros_like(k)
    for j in range(SHIFT):
        total = total + ((k / (x + j)).log1p() - k / (x + j + k))
    start, end = x + SHIFT, x + SHIFT + k
    total = total + ((k / start).log1p() - k / end) / 2
    # The same divergence of each power c x^-m of Stirling's series.
    for n, c in enumerate(STIRLING, start=1):
        m = 2 * n - 1
        total = total - c * start**-m * (m * (-k / end).log1p() + (m * k / end).log1p()).expm1()
    return total


def _log1p_rest(x: Tensor) -> Tensor:
    """log(1 + x) - x, without cancellation, for x up to 1/2."""
    s = x / (2 + x)  # log(1 + x) = 2 artanh(s)
    square, series = s.square(), torch.zeros_like(s)
    for n in range(NUM_SERIES, 0, -1):
        series = (series + 1 / (2 * n + 1)) * square
    return 2 * s * series - x * s
