r"""Special functions of the von Mises-Fisher distribution, for any dimension and concentration.

With :math:`d` the dimension, :math:`k` the concentration and :math:`v_0 = d / 2 - 1`,

.. math::
    L(k) &= \log {}_0F_1(; d/2; k^2/4), \qquad L(0) = 0 \\
    A(k) &= L'(k) = I_{v_0 + 1}(k) \, / \, I_{v_0}(k) \\
    \mathrm{KL}(k) &= k A(k) - L(k), \qquad \mathrm{KL}'(k) = k A'(k)

are the logarithm of the normaliser relative to the uniform law, the mean resultant length, and the
divergence to the uniform law.

Library routines for :math:`I_v` under- or overflow over much of the range, and differences of
their logarithms cancel. Here Debye's expansion of :math:`\log I_v` is used at a large order, where
a few terms reach the rounding of the result, and the exact three-term recurrence leads down to
:math:`v_0`. Terms that cancel are removed by hand, so that no branch is needed and :math:`k = 0`
is exact.

All is computed in float64. Results have the type of the concentration, float32 at least, and
derivatives are closed forms that come out of the same evaluation. Of a negative concentration
every function is NaN; fewer than two dimensions are refused.

References:
    | NIST Digital Library of Mathematical Functions, 10.41 (uniform expansions for large order)
    | https://dlmf.nist.gov/10.41
"""

__all__ = [
    "kl_between",
    "kl_to_uniform",
    "log_normaliser",
    "mean_resultant_gap",
    "mean_resultant_length",
    "mean_resultant_slope",
    "solve_concentration",
]

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .remember import remember

DOUBLE = (24, 1e-18)
"""The least order of Debye's expansion, and the size of its first term left out, that reach the
rounding of float64."""

SINGLE = (12, 3e-8)
"""The same for float32 and less."""

NEWTON_STEPS = 8
"""What takes Newton's method to the rounding of float64 from anywhere."""

CORRECTED = ("log_normaliser", "kl", "length", "slope")
"""The functions to which Debye's terms beyond the first add something of their own."""

Polynomial = list[Fraction]
"""Coefficients, the constant first."""

Values = dict[str, Tensor]
"""Some of the functions at one concentration: L, A, 1 - A, A' and KL by the names below."""


def log_normaliser(concentration: Tensor, dim: int) -> Tensor:
    """L: the log-normaliser relative to the uniform law, in nats.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "log_normaliser")


def mean_resultant_length(concentration: Tensor, dim: int) -> Tensor:
    """A: the length of the mean vector, which is the mean cosine to the mean direction.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "length")


def mean_resultant_gap(concentration: Tensor, dim: int) -> Tensor:
    """1 - A, with all its digits where A is close to 1.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "gap")


def mean_resultant_slope(concentration: Tensor, dim: int) -> Tensor:
    """A': the derivative of A, which is the variance of the cosine to the mean direction.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _evaluate(concentration, dim, {"slope"})["slope"].to(_result(concentration))


def kl_to_uniform(concentration: Tensor, dim: int) -> Tensor:
    """KL: the divergence from the von Mises-Fisher to the uniform law, in nats.

    Arguments:
        concentration: The concentration, at least 0, with any shape.
        dim: The number of coordinates, at least 2.
    """
    return _Analytic.apply(concentration, dim, "kl")


def kl_between(concentration: Tensor, other: Tensor, dim: int) -> Tensor:
    """The divergence between von Mises-Fisher laws of one mean direction, in nats.

    Arguments:
        concentration: The concentration k of the law to measure, at least 0.
        other: The concentration of the law to measure it against; shapes broadcast.
        dim: The number of coordinates, at least 2.
    """
    return _Between.apply(*torch.broadcast_tensors(concentration, other), dim)


def solve_concentration(gap: Tensor, dim: int) -> Tensor:
    """The concentration at which the mean vector is `gap` shorter than 1.

    Newton's method on A, from an approximation that is right at both ends.

    References:
        | Clustering on the Unit Hypersphere using von Mises-Fisher Distributions
        | (Banerjee et al., 2005)
        | https://www.jmlr.org/papers/v6/banerjee05a.html

    Arguments:
        gap: 1 less the mean resultant length, above 0 and at most 1.
        dim: The number of coordinates, at least 2.
    """
    gap = gap.double().clamp(max=1)
    length = 1 - gap
    k = length * (dim - length.square()) / (gap * (1 + length))
    for _ in range(NEWTON_STEPS):
        values = _evaluate(k, dim, {"gap", "slope"})
        k = (k + (values["gap"] - gap) / values["slope"]).clamp(min=0)
    return k


def _result(concentration: Tensor) -> torch.dtype:
    return torch.promote_types(concentration.dtype, torch.float32)


DERIVATIVES: dict[str, Callable[[Tensor, Values], Tensor]] = {
    "log_normaliser": lambda k, values: values["length"],
    "length": lambda k, values: values["slope"],
    "gap": lambda k, values: -values["slope"],
    "kl": lambda k, values: k * values["slope"],
}


class _Analytic(torch.autograd.Function):
    """One of the functions, with its derivative in closed form."""

    @staticmethod
    def forward(ctx: Any, k: Tensor, dim: int, name: str) -> Tensor:
        wanted = {name, "slope"} if ctx.needs_input_grad[0] else {name}
        values = _evaluate(k, dim, wanted)
        ctx.dim, ctx.name = dim, name
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(k, DERIVATIVES[name](k.double(), values))
        return values[name].to(_result(k))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        k, slope = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody will differentiate the derivative
            slope = DERIVATIVES[ctx.name](k.double(), _evaluate(k, ctx.dim, {ctx.name, "slope"}))
        return (grad * slope).to(k.dtype), None, None


class _Between(torch.autograd.Function):
    """KL(k) - KL(m) + m (A(m) - A(k)) in float64: far from each other as it stands, where close
    as the integral of A' that remains when the differences have cancelled."""

    @staticmethod
    def forward(ctx: Any, k: Tensor, m: Tensor, dim: int) -> Tensor:
        ctx.save_for_backward(k, m)
        ctx.dim = dim
        a, b, step = k.double(), m.double(), m.double() - k.double()
        at_a, at_b = (_evaluate(x, dim, {"gap", "kl"}) for x in (a, b))
        far = at_a["kl"] - at_b["kl"] + b * (at_a["gap"] - at_b["gap"])
        place, weight = (
            torch.tensor(x, dtype=a.dtype, device=a.device).view(-1, *[1] * a.dim())
            for x in _gauss_legendre()
        )
        slopes = _evaluate(a + place * step, dim, {"slope"})["slope"]
        close = step.square() * (weight * (1 - place) * slopes).sum(0)
        return torch.where(2 * step.abs() < a + dim, close, far).to(_result(k))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        k, m = ctx.saved_tensors
        a, b = k.double(), m.double()
        at_a, at_b = _evaluate(a, ctx.dim, {"gap", "slope"}), _evaluate(b, ctx.dim, {"gap"})
        on_k, on_m = (a - b) * at_a["slope"], at_a["gap"] - at_b["gap"]
        return (grad * on_k).to(k.dtype), (grad * on_m).to(m.dtype), None


@remember(maxsize=1)
def _gauss_legendre() -> list[list[float]]:
    """Sixteen points and weights on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(16)
    return [((1 + points) / 2).tolist(), (weights / 2).tolist()]


def _evaluate(k: Tensor, dim: int, names: set[str]) -> Values:
    """The named functions in float64, and what they are made of.

    Arguments:
        k: The concentrations; float32 and less are computed to the accuracy of float32.
        dim: The number of coordinates.
        names: Among log_normaliser, length, gap, slope and kl.
    """
    if dim < 2:
        raise ValueError(f"'dim' must be at least 2, got {dim}.")
    min_order, tolerance = DOUBLE if k.dtype == torch.float64 else SINGLE
    k, order = k.double(), dim / 2 - 1
    k = k.where(k >= 0, math.nan)  # and no error, for which a GPU would have to wait
    steps = max(0, math.ceil(min_order - order))
    names = names | {"length"} | ({"slope"} if "kl" in names else set())
    values = _debye(k, order + steps, tolerance, names)
    for above in range(steps, 0, -1):
        values = _step_down(k, values, b=2 * (order + above))
    return values


def _debye(k: Tensor, v: float, tolerance: float, names: set[str]) -> Values:
    """The functions at a large order, from the logarithm of Debye's expansion.

    Arguments:
        k: The concentrations.
        v: The order.
        tolerance: The size of the first term left out.
        names: The functions.
    """
    s = (k.square() + v * v).sqrt()
    delta = k.square() / (s + v)  # s - v
    p = v / s
    corrections = _corrections(p, v, tolerance, names)
    length_correction = k * (0.5 / s.square() + corrections["length"] / v**2)
    values = {"length": k / (v + s) - length_correction}
    if "gap" in names:
        values["gap"] = (v + v * v / (s + k)) / (v + s) + length_correction
    if "slope" in names:
        tilt = (k - v) / s * ((k + v) / s)
        values["slope"] = p / (v + s) + 0.5 * tilt / s.square() - corrections["slope"] / v**2
    if names & {"log_normaliser", "kl"}:
        log_mean = v * (delta / (2 * v)).log1p() + (delta / v).log1p() / 2
        share = delta / s
    if "log_normaliser" in names:
        values["log_normaliser"] = delta - log_mean - share * corrections["log_normaliser"]
    if "kl" in names:
        values["kl"] = log_mean - share * ((1 + p) / 2 - corrections["kl"])
    return values


def _step_down(k: Tensor, above: Values, b: float) -> Values:
    """The functions at an order v from those at v + 1, with b = 2 (v + 1)."""
    kr = k * above["length"]
    total = b + kr
    values = {"length": k / total}
    if "gap" in above:
        values["gap"] = (b - k * above["gap"]) / total
    if "slope" in above:
        bend = k * (k * above["slope"])
        values["slope"] = (b - bend) / total / total
    if "log_normaliser" in above:
        values["log_normaliser"] = above["log_normaliser"] + (kr / b).log1p()
    if "kl" in above:
        values["kl"] = above["kl"] + ((kr + bend) / total - (kr / b).log1p())
    return values


def _corrections(p: Tensor, v: float, tolerance: float, names: set[str]) -> Values:
    """What Debye's terms beyond the first add to each function, but for 1 - A, where it is A's."""
    wanted = tuple(name for name in CORRECTED if name in names)
    rows = _rows(v, tolerance, wanted, str(p.device))
    rows = rows[(..., *[None] * p.dim())]
    total = rows[0].expand(-1, *p.shape)
    for row in rows[1:]:  # Horner's rule for all of them at once
        total = torch.addcmul(row, total, p)
    return dict(zip(wanted, total, strict=True))


@remember(maxsize=256)
@torch.inference_mode(False)  # or what validation builds could not be trained with
def _rows(v: float, tolerance: float, names: tuple[str, ...], device: str) -> Tensor:
    """The named polynomials on a device: powers from the highest down, by names."""
    table = _coefficients(v, tolerance)
    columns = [table[name] for name in names]
    return torch.tensor(columns, dtype=torch.float64).t().contiguous().to(device)


@lru_cache
def _coefficients(v: float, tolerance: float) -> dict[str, list[float]]:
    """What Debye's corrections add to L, KL, A and A', as polynomials in p = v / s.

    With D(p) the logarithm of Debye's series and E = D': q = (D(p) - D(1)) / (p - 1);
    q - (p + p^2) E; f = p^3 E; f - (p - p^3) f'.

    Returns:
        The coefficients of each, those of the highest power first.
    """
    e = [Fraction(0)]
    num_terms = max(1, math.ceil(-math.log(tolerance) / math.log(v)) - 1)
    for power, term in enumerate(_debye_slopes(num_terms), start=1):
        e = _plus(e, [c / Fraction(v) ** power for c in term])
    # The quotient by p - 1: (p^i - 1) / (p - 1) is the sum of the lower powers.
    integral = [Fraction(0)] + [c / i for i, c in enumerate(e, start=1)]
    q = [sum(integral[i + 1 :], Fraction(0)) for i in range(len(e))]
    f = _times([0, 0, 0, 1], e)
    polynomials = {
        "log_normaliser": q,
        "kl": _plus(q, _times([0, -1, -1], e)),
        "length": f,
        "slope": _plus(f, _times([0, -1, 0, 1], _derivative(f))),
    }
    size = max(map(len, polynomials.values()))
    return {
        name: [0.0] * (size - len(a)) + [float(c) for c in reversed(a)]
        for name, a in polynomials.items()
    }


@lru_cache
def _debye_slopes(num_terms: int) -> list[Polynomial]:
    """The polynomials e_k(p) with d/dp log sum_k u_k(p) v^-k = sum_k e_k(p) v^-k, exactly.

    The recurrence of Debye's u_k, read as a differential equation for the logarithmic derivative.
    """
    w = [0, 0, Fraction(1, 2), 0, Fraction(-1, 2)]  # p^2 (1 - p^2) / 2
    slopes: list[Polynomial] = [[Fraction(1, 8), Fraction(0), Fraction(-5, 8)]]
    while len(slopes) < num_terms:
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
