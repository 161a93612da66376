r"""Special functions of the von Mises-Fisher distribution, for any dimension and concentration.

With :math:`d` the dimension, :math:`k` the concentration and :math:`v_0 = d / 2 - 1`,

.. math::
    L(k) &= \log {}_0F_1(; d/2; k^2/4), \qquad L(0) = 0 \\
    A(k) &= L'(k) = I_{v_0 + 1}(k) \, / \, I_{v_0}(k) \\
    \mathrm{KL}(k) &= k A(k) - L(k), \qquad \mathrm{KL}'(k) = k A'(k)

are the logarithm of the normaliser relative to the uniform law, the mean resultant length, and the
divergence to the uniform law.

Library routines for :math:`I_v` under- or overflow over much of the range, and differences of
their logarithms cancel. Here Debye's expansion of :math:`\log I_v` is used at an order
:math:`v \geq 24`, where twelve terms reach the rounding of float64, and the exact three-term
recurrence leads down to :math:`v_0`. Terms that cancel are removed by hand, so that no branch is
needed and :math:`k = 0` is exact.

References:
    | NIST Digital Library of Mathematical Functions, 10.41 (uniform expansions for large order)
    | https://dlmf.nist.gov/10.41
"""

__all__ = [
    "kl_to_uniform",
    "log_normaliser",
    "mean_resultant_length",
    "mean_resultant_slope",
]

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

MIN_ORDER = 24
NUM_TERMS = 12

Polynomial = list[Fraction]
"""Coefficients, the constant first."""


class _Values(NamedTuple):
    """The functions at one concentration: L, A, A' and KL."""

    log_normaliser: Tensor
    length: Tensor
    slope: Tensor
    kl: Tensor


def log_normaliser(concentration: Tensor, dim: int) -> Tensor:
    """L: the log-normaliser relative to the uniform law, in nats.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "log_normaliser", mean_resultant_length)


def mean_resultant_length(concentration: Tensor, dim: int) -> Tensor:
    """A: the length of the mean vector, which is the mean cosine to the mean direction.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "length", mean_resultant_slope)


def mean_resultant_slope(concentration: Tensor, dim: int) -> Tensor:
    """A': the derivative of A, which is the variance of the cosine to the mean direction.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _evaluate(concentration.double(), dim).slope.to(concentration.dtype)


def kl_to_uniform(concentration: Tensor, dim: int) -> Tensor:
    """KL: the divergence from the von Mises-Fisher to the uniform law, in nats.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "kl", _kl_slope)


def _kl_slope(concentration: Tensor, dim: int) -> Tensor:
    return concentration * mean_resultant_slope(concentration, dim)


class _Analytic(torch.autograd.Function):
    """One of the functions, computed in float64, with its derivative in closed form."""

    @staticmethod
    def forward(
        ctx: Any, k: Tensor, dim: int, name: str, derivative: Callable[[Tensor, int], Tensor]
    ) -> Tensor:
        ctx.save_for_backward(k)
        ctx.dim, ctx.derivative = dim, derivative
        return getattr(_evaluate(k.double(), dim), name).to(k.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (k,) = ctx.saved_tensors
        return grad * ctx.derivative(k, ctx.dim), None, None, None


def _evaluate(k: Tensor, dim: int) -> _Values:
    order = dim / 2 - 1
    steps = max(0, math.ceil(MIN_ORDER - order))
    values = _debye(k, order + steps)
    for above in range(steps, 0, -1):
        values = _step_down(k, values, b=2 * (order + above))
    return values


def _debye(k: Tensor, v: float) -> _Values:
    """The functions at a large order, from the logarithm of Debye's expansion.

    Arguments:
        k: The concentrations.
        v: The order, at least :data:`MIN_ORDER`.
    """
    s = (k.square() + v * v).sqrt()
    delta = k.square() / (s + v)  # s - v
    p = v / s
    table = torch.tensor(_coefficients(Fraction(v)), dtype=k.dtype, device=k.device)
    powers = p.unsqueeze(-1) ** torch.arange(table.shape[1], device=k.device)
    on_log, on_kl, on_length, on_slope = (powers @ table.T).unbind(-1)
    log_mean = v * (delta / (2 * v)).log1p() + (delta / v).log1p() / 2

    return _Values(
        log_normaliser=delta - log_mean - delta / s * on_log,
        length=k * (1 / (v + s) - 1 / (2 * s.square()) - on_length / v**2),
        slope=v / (s * (v + s)) + (k - v) * (k + v) / (2 * s**4) - on_slope / v**2,
        kl=log_mean - delta / s * ((1 + p) / 2 - on_kl),
    )


def _step_down(k: Tensor, above: _Values, b: float) -> _Values:
    """The functions at an order v from those at v + 1, with b = 2 (v + 1)."""
    kr = k * above.length
    h = kr / b
    return _Values(
        log_normaliser=above.log_normaliser + h.log1p(),
        length=k / (b + kr),
        slope=(b - k.square() * above.slope) / (b + kr).square(),
        kl=above.kl + (h + k.square() * above.slope / b) / (1 + h) - h.log1p(),
    )


@lru_cache
def _coefficients(v: Fraction) -> list[list[float]]:
    """What Debye's corrections add to L, KL, A and A', as four polynomials in p = v / s.

    With D(p) the logarithm of Debye's series and E = D': q = (D(p) - D(1)) / (p - 1);
    q - (p + p^2) E; f = p^3 E; f - (p - p^3) f'.
    """
    e = [Fraction(0)]
    for power, term in enumerate(_debye_slopes(), start=1):
        e = _plus(e, [c / v**power for c in term])
    # The quotient by p - 1: (p^i - 1) / (p - 1) is the sum of the lower powers.
    integral = [Fraction(0)] + [c / i for i, c in enumerate(e, start=1)]
    q = [sum(integral[i + 1 :], Fraction(0)) for i in range(len(e))]
    f = _times([0, 0, 0, 1], e)
    polynomials = (
        q,
        _plus(q, _times([0, -1, -1], e)),
        f,
        _plus(f, _times([0, -1, 0, 1], _derivative(f))),
    )
    size = max(map(len, polynomials))

    return [[float(c) for c in a] + [0.0] * (size - len(a)) for a in polynomials]


@lru_cache
def _debye_slopes() -> list[Polynomial]:
    """The polynomials e_k(p) with d/dp log sum_k u_k(p) v^-k = sum_k e_k(p) v^-k, exactly.

    The recurrence of Debye's u_k, read as a differential equation for the logarithmic derivative.
    """
    w = [0, 0, Fraction(1, 2), 0, Fraction(-1, 2)]  # p^2 (1 - p^2) / 2
    slopes: list[Polynomial] = [[Fraction(1, 8), Fraction(0), Fraction(-5, 8)]]
    while len(slopes) < NUM_TERMS:
        term = _derivative(_times(w, slopes[-1]))
        for left, right in zip(slopes[:-1], reversed(slopes[:-1]), strict=True):
            term = _plus(term, _times(w, _times(left, right)))
        slopes.append(term)
    return slopes


def _plus(a: Polynomial, b: Polynomial) -> Polynomial:
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    return [c + (shorter[i] if i < len(shorter) else 0) for i, c in enumerate(longer)]


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    product = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            product[i + j] += left * right
    return product


def _derivative(a: Polynomial) -> Polynomial:
    return [i * c for i, c in enumerate(a)][1:]
