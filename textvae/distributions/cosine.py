r"""The law of the cosine :math:`w = \langle \mu, z \rangle` to the mean direction on a sphere.

With D = d - 1, its density is proportional to :math:`(1 - w^2)^{D / 2 - 1}` times
:math:`\exp(k w)` (von Mises-Fisher) or :math:`(1 + w)^k` (Power Spherical): singular at the ends
in low dimensions, a needle at large concentrations. In :math:`y = \operatorname{artanh} w` it is
smooth everywhere, and neither :math:`1 - w` nor :math:`\sqrt{1 - w^2} = 1 / \cosh y` cancels. Its
mode is :math:`\tau / 2` with :math:`\tau = \operatorname{arsinh}(2 k / D)` or
:math:`\log(1 + 2 k / D)`; about it, the law hardly depends on :math:`\tau`, and for large
:math:`\tau` not at all.

Draws go through a table of the inverse distribution function. Its argument is a standard normal
draw rather than a uniform one: the function is then close to a straight line, and a few cubic
cells carry it to the end of both tails. A table of one argument serves a concentration that is a
number; one of two, in the normal draw and :math:`\tau`, serves every concentration at once. The
derivative of the latter in :math:`\tau` is the implicit reparameterisation gradient

.. math:: \frac{\partial y}{\partial k} = \frac{1}{q(y)} \int_y^\infty
    \left( \frac{\partial \log q(t)}{\partial k} \right) q(t) \, dt,

exact at the nodes and interpolated between them.

References:
    | Implicit Reparameterization Gradients (Figurnov et al., 2018)
    | https://arxiv.org/abs/1805.08498
"""

__all__ = ["LAWS", "draw_artanh_cosine"]

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.special import ndtri

from .remember import remember

LAWS = Literal["von_mises_fisher", "power_spherical"]

LIMIT = 8.75
"""Where the tables end: no generator of float64 normals reaches beyond."""

NUM_CELLS = 256
"""The cells in the normal draw."""

MAX_POSITION = 16.0
"""Where the table of two arguments ends; about its mode, the law no longer changes there."""

NUM_ROWS = 192
"""Its cells in tau."""

BLOCK = 2**14
"""The draws that a processor's caches hold."""

GRID_CELLS = 4096
"""The cells on which a distribution function is integrated."""


def draw_artanh_cosine(
    noise: Tensor, concentration: Tensor | float, dim: int, law: LAWS = "von_mises_fisher"
) -> Tensor:
    """Turns standard normal draws into draws of y = artanh w.

    Arguments:
        noise: The standard normal draws, with a shape to which that of `concentration` broadcasts.
        concentration: The concentrations, at least 0. A number builds a table of its own, once;
            tensors share one, and gradients lead back to them.
        dim: The number of coordinates, at least 2.
        law: Whose cosine it is.

    Returns:
        The draws, with the shape of `noise`.
    """
    flat = [noise.flatten()]
    if isinstance(concentration, Tensor):
        draw, table = _bicubic, _table_of_all(law, dim, noise.dtype, str(noise.device))
        tau = _position(concentration.to(noise), dim - 1, law)
        flat.append(tau.expand_as(noise).flatten())
    else:
        table = _table_of_one(law, dim, concentration, noise.dtype, str(noise.device))
        draw = _cubic
    if noise.device.type != "cpu" or torch.compiler.is_compiling():
        return draw(*flat, table).view(noise.shape)
    blocks = zip(*(values.split(BLOCK) for values in flat), strict=True)
    return torch.cat([draw(*block, table) for block in blocks]).view(noise.shape)


def _place(noise: Tensor) -> tuple[Tensor, Tensor]:
    """The cell of each draw, and the place in it from 0 to 1."""
    place = (noise * (NUM_CELLS / 2 / LIMIT) + NUM_CELLS / 2).clamp(0, NUM_CELLS - 1e-3)
    return place.int(), place.frac()


def _cubic(noise: Tensor, table: Tensor) -> Tensor:
    """y from a table of one argument."""
    cell, u = _place(noise)
    c0, c1, c2, c3 = (row.index_select(0, cell) for row in table)
    return torch.addcmul(c0, u, torch.addcmul(c1, u, torch.addcmul(c2, u, c3)))


def _bicubic(noise: Tensor, tau: Tensor, table: Tensor) -> Tensor:
    """y from a table of two arguments."""
    cell, u = _place(noise)
    return _Bicubic.apply(tau, cell, u, table)


class _Bicubic(torch.autograd.Function):
    """y from the table of two arguments, with its derivative in tau alone."""

    @staticmethod
    def forward(ctx: Any, tau: Tensor, cell: Tensor, u: Tensor, table: Tensor) -> Tensor:
        scaled = (tau * (NUM_ROWS / MAX_POSITION)).clamp(max=NUM_ROWS)
        row = scaled.int().clamp(max=NUM_ROWS - 1)
        v, u = scaled - row, u.unsqueeze(-1)
        index = row * NUM_CELLS + cell
        c = F.embedding(index, table[3])  # (..., 4), a polynomial in v
        for lower in (2, 1, 0):
            c = torch.addcmul(F.embedding(index, table[lower]), c, u)
        c0, c1, c2, c3 = c.unbind(-1)
        if ctx.needs_input_grad[0]:
            slope = (c1 + v * (2 * c2 + v * (3 * c3))) * (NUM_ROWS / MAX_POSITION)
            ctx.save_for_backward(0.5 + slope * (tau < MAX_POSITION))
        return tau / 2 + (c0 + v * (c1 + v * (c2 + v * c3)))

    @staticmethod
    @once_differentiable  # the slope is a number to a second derivative, which would be wrong
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return grad * slope, None, None, None


def _position(k: Tensor, degrees: int, law: LAWS) -> Tensor:
    """tau: twice the mode of y, and the argument in which the table is even."""
    ratio = k * (2 / degrees)
    return ratio.asinh() if law == "von_mises_fisher" else ratio.log1p()


def _concentration(tau: Tensor, degrees: int, law: LAWS) -> tuple[Tensor, Tensor]:
    """The concentration at tau, and its derivative."""
    k, slope = (tau.sinh(), tau.cosh()) if law == "von_mises_fisher" else (tau.expm1(), tau.exp())
    return k * (degrees / 2), slope * (degrees / 2)


def _log_density(y: Tensor, k: Tensor, degrees: int, law: LAWS) -> tuple[Tensor, Tensor, Tensor]:
    """log q(y) up to a constant, and its derivatives in y and in k."""
    log_up, log_down = F.logsigmoid(2 * y), F.logsigmoid(-2 * y)
    up, down = log_up.exp(), log_down.exp()  # (1 + w) / 2 and (1 - w) / 2
    if law == "von_mises_fisher":
        value = -2 * k * down + degrees / 2 * (log_up + log_down)
        return value, 4 * k * up * down - degrees * (up - down), -2 * down
    a, b = k + degrees / 2, degrees / 2
    return a * log_up + b * log_down, 2 * (a * down - b * up), log_up


@remember(maxsize=64)
@torch.inference_mode(False)  # or what validation builds could not be trained with
def _table_of_one(
    law: LAWS, dim: int, concentration: float, dtype: torch.dtype, device: str
) -> Tensor:
    """Cubics for y in each cell, as (4, NUM_CELLS): the coefficients by ascending power."""
    k = torch.tensor([[concentration]], dtype=torch.float64)
    tau = _position(k, dim - 1, law)
    y, slope, _, _ = _nodes(law, dim, tau)
    return _cubics(tau / 2 + y, slope, 2 * LIMIT / NUM_CELLS)[:, 0].to(device, dtype).contiguous()


@remember(maxsize=32)
@torch.inference_mode(False)  # or what validation builds could not be trained with
def _table_of_all(law: LAWS, dim: int, dtype: torch.dtype, device: str) -> Tensor:
    """Bicubics for y - tau / 2, as (4, cells, 4): powers of the draw, cells, powers of tau."""
    tau = torch.linspace(0, MAX_POSITION, NUM_ROWS + 1, dtype=torch.float64)[:, None]
    # By parts, which bounds the memory and keeps it in the caches.
    nodes = torch.cat([_nodes(law, dim, part) for part in tau.split(16)], dim=1)
    y, slope, y_tau, cross = nodes
    step = 2 * LIMIT / NUM_CELLS
    value, tilt = _cubics(y, slope, step), _cubics(y_tau, cross, step)  # (4, rows + 1, cells)
    table = _cubics(value.mT, tilt.mT, MAX_POSITION / NUM_ROWS)  # (4, 4, cells, rows)
    return table.permute(1, 3, 2, 0).reshape(4, -1, 4).to(device, dtype).contiguous()


def _nodes(law: LAWS, dim: int, tau: Tensor) -> Tensor:
    """y - tau / 2 where the rank of y is that of a standard normal draw at a node of the table.

    The distribution function is integrated on a fine grid, ranked, and inverted there.

    Returns:
        The value, its derivatives in the draw and in tau, and the mixed one, with shape
        (4, len(tau), NUM_CELLS + 1).
    """
    degrees = dim - 1
    k, k_slope = _concentration(tau, degrees, law)
    peak = _log_density(tau / 2, k, degrees, law)[0]
    reach = math.acosh(math.exp(50 / degrees))  # cosh(y)^(1 - d) is e^-50 there
    y = tau / 2 + torch.linspace(-reach, reach, 2 * GRID_CELLS + 1, dtype=torch.float64)
    value, bend, score = _log_density(y, k, degrees, law)
    # The floor, beyond every rank in use, keeps the distribution function increasing.
    q, score = (value - peak).exp().clamp(min=1e-300), score * k_slope
    mass, moment = (_simpson(x, y) for x in (q, q * score))
    total = mass.sum(-1, keepdim=True)
    mean = moment.sum(-1, keepdim=True) / total
    # From the nearer tail; beside 1 the other one has no digits left.
    below, above = _cumulate(mass)
    left, right = _cumulate(moment - mean * mass)
    nearer = below < above
    y, q, bend, score = (x[:, 2:-2:2] for x in (y, q, bend, score))
    rank = torch.where(nearer, ndtri(below / total), -ndtri(above / total))
    shift = torch.where(nearer, -left, right) / q  # dy / dtau at a fixed rank
    slope = _normal_density(rank) * total / q
    tilt = -slope * (bend * shift + score - mean)

    nodes = torch.linspace(-LIMIT, LIMIT, NUM_CELLS + 1, dtype=torch.float64)
    cell = torch.searchsorted(rank, nodes.expand(len(tau), -1).contiguous()) - 1
    y, shift = (_interpolate(rank, x, dx, cell, nodes) for x, dx in ((y, slope), (shift, tilt)))
    value, bend, score = _log_density(y, k, degrees, law)
    slope = _normal_density(nodes) * total / (value - peak).exp().clamp(min=1e-300)
    tilt = -slope * (bend * shift + score * k_slope - mean)
    return torch.stack([y - tau / 2, slope, shift - 0.5, tilt])


def _simpson(f: Tensor, x: Tensor) -> Tensor:
    """The integral over each pair of steps."""
    return (f[:, :-2:2] + 4 * f[:, 1::2] + f[:, 2::2]) * ((x[:, 1:2] - x[:, :1]) / 3)


def _cumulate(mass: Tensor) -> tuple[Tensor, Tensor]:
    """What lies below and above each inner node."""
    return mass.cumsum(-1)[:, :-1], mass.flip(-1).cumsum(-1).flip(-1)[:, 1:]


def _normal_density(x: Tensor) -> Tensor:
    return (-x.square() / 2).exp() / math.sqrt(2 * math.pi)


def _interpolate(x: Tensor, f: Tensor, slope: Tensor, cell: Tensor, at: Tensor) -> Tensor:
    """Hermite's cubic through f(x) at some points, each in a cell of x."""
    (x0, x1), (f0, f1), (s0, s1) = (
        (v.gather(-1, cell), v.gather(-1, cell + 1)) for v in (x, f, slope)
    )
    h = x1 - x0
    u, rise, s0, s1 = (at - x0) / h, f1 - f0, s0 * h, s1 * h
    return f0 + u * (s0 + u * (3 * rise - 2 * s0 - s1 + u * (s0 + s1 - 2 * rise)))


def _cubics(f: Tensor, slope: Tensor, step: float) -> Tensor:
    """The coefficients, by ascending power of the place in a cell, of Hermite's cubics on equal
    cells of the last dimension."""
    rise, left, right = f.diff(), slope[..., :-1] * step, slope[..., 1:] * step
    return torch.stack([f[..., :-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise])
