r"""The law of the cosine :math:`w = \langle \mu, z \rangle` under a von Mises-Fisher distribution.

Its density is proportional to :math:`\exp(k w) (1 - w^2)^{(d - 3) / 2}`: singular at the ends in
low dimensions, a needle at large concentrations. In :math:`y = \operatorname{artanh} w` it is

.. math:: q(y) \propto \exp(k \tanh y) \cosh(y)^{1 - d}, \qquad
    y_\text{mode} = \tfrac{1}{2} \operatorname{arsinh} \frac{2 k}{d - 1},

smooth everywhere, and neither :math:`1 - w` nor :math:`\sqrt{1 - w^2} = 1 / \cosh y` cancels.
Draws go through a table of the inverse distribution function. Its argument is a standard normal
draw rather than a uniform one: the function is then close to a straight line, and a few cubic
cells carry it to the end of both tails.
"""

__all__ = ["draw_artanh_cosine"]

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.special import ndtri

LIMIT = 8.75
"""Where the table ends: no generator of float64 normals reaches beyond."""

NUM_CELLS = 256
GRID_CELLS = 4096


def draw_artanh_cosine(noise: Tensor, concentration: Tensor, dim: int) -> Tensor:
    """Turns standard normal draws into draws of y = artanh w.

    Arguments:
        noise: The standard normal draws, with a shape to which that of `concentration` broadcasts.
        concentration: The concentrations, at least 0. Each different value builds a table, once.
        dim: The number of coordinates, at least 2.

    Returns:
        The draws, with the shape of `noise`. No gradient leads back to the concentration.
    """
    values, which = concentration.detach().double().unique(return_inverse=True)
    cubics = torch.stack([_inverse_cdf(dim, value) for value in values.tolist()], dim=1).to(noise)
    place = (noise / LIMIT + 1) * (NUM_CELLS / 2)
    cell = place.long().clamp(0, NUM_CELLS - 1)

    return _evaluate(cubics[:, which.to(noise.device), cell], place - cell)


@lru_cache(maxsize=64)
def _inverse_cdf(dim: int, concentration: float) -> Tensor:
    """The value of y whose rank is that of a standard normal: cubics on equal cells of the latter.

    The distribution function is integrated on a fine grid, ranked, and inverted there; only the
    nodes of the small table are kept.
    """
    mode = math.asinh(2 * concentration / (dim - 1)) / 2
    reach = math.acosh(math.exp(50 / (dim - 1)))  # cosh(y)^(1 - d) is e^-50 there
    y = mode + torch.linspace(-reach, reach, 2 * GRID_CELLS + 1, dtype=torch.float64)
    # The floor, beyond every rank in use, keeps the distribution function increasing.
    q = _density(y - mode, mode, dim, concentration).clamp(min=1e-300)
    mass = (q[:-2:2] + 4 * q[1::2] + q[2::2]) * (y[1] - y[0]) / 3  # Simpson's rule
    below, above = mass.cumsum(0)[:-1], mass.flip(0).cumsum(0).flip(0)[1:]
    y, q = y[2:-2:2], q[2:-2:2]

    # From the nearer tail; beside 1 the other one has no digits left.
    total = mass.sum()
    rank = torch.where(below < above, ndtri(below / total), -ndtri(above / total))
    inverse = _hermite(rank, y, _normal_density(rank) * total / q)

    nodes = torch.linspace(-LIMIT, LIMIT, NUM_CELLS + 1, dtype=torch.float64)
    cell = torch.searchsorted(rank, nodes) - 1
    y = _evaluate(inverse[:, cell], (nodes - rank[cell]) / (rank[cell + 1] - rank[cell]))
    slope = _normal_density(nodes) * total / _density(y - mode, mode, dim, concentration)

    return _hermite(nodes, y, slope)


def _density(t: Tensor, mode: float, dim: int, concentration: float) -> Tensor:
    """The density of y = mode + t, relative to that at the mode."""
    half = torch.tensor([mode, -mode], dtype=t.dtype)
    log_up, log_down = F.logsigmoid(2 * half).tolist()
    # k (tanh y - tanh mode) and log cosh y - log cosh mode, each without a difference.
    gain = concentration * t.sinh() / ((mode + t).cosh() * math.cosh(mode))
    cost = torch.logaddexp(t + log_up, log_down - t)

    return (gain - (dim - 1) * cost).exp()


def _normal_density(x: Tensor) -> Tensor:
    return (-x.square() / 2).exp() / math.sqrt(2 * math.pi)


def _hermite(x: Tensor, y: Tensor, slope: Tensor) -> Tensor:
    """The coefficients, by ascending power of the place in a cell, of the cubic on each cell."""
    rise = y.diff()
    left, right = slope[:-1] * x.diff(), slope[1:] * x.diff()
    return torch.stack([y[:-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise])


def _evaluate(cubics: Tensor, place: Tensor) -> Tensor:
    c0, c1, c2, c3 = cubics
    return c0 + place * (c1 + place * (c2 + place * c3))
