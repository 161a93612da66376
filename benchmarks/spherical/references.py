"""Samplers to compare with, written down plainly: what other codes do, done right."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Beta

GRID_POINTS = 20_000_000


def wood_cosine(concentration: float, dim: int, size: int) -> Tensor:
    """Cosines by rejection, in float64, where the acceptance test keeps its digits.

    References:
        | Simulation of the von Mises Fisher distribution (Wood, 1994)
        | https://doi.org/10.1080/03610919408813161
    """
    degrees = dim - 1
    b = degrees / (2 * concentration + math.hypot(2 * concentration, degrees))
    x = (1 - b) / (1 + b)
    c = concentration * x + degrees * math.log1p(-x * x)
    proposal = Beta(*torch.full((2,), degrees / 2, dtype=torch.float64), validate_args=False)
    w = torch.empty(size, dtype=torch.float64)
    missing = torch.arange(size)
    while len(missing):
        beta = proposal.sample(missing.shape)
        u = torch.rand(missing.shape, dtype=torch.float64)
        candidate = (1 - (1 + b) * beta) / (1 - (1 - b) * beta)
        accepted = concentration * candidate + degrees * torch.log1p(-x * candidate) - c >= u.log()
        w[missing[accepted]] = candidate[accepted]
        missing = missing[~accepted]
    return w


def wood_sample(loc: Tensor, concentration: float) -> Tensor:
    """Whole samples in float32, one for each row of `loc`: a tangent about the first axis, then
    the reflection that takes this axis to `loc`."""
    w = wood_cosine(concentration, loc.shape[1], len(loc)).float().unsqueeze(-1)
    tangent = F.normalize(torch.randn(len(loc), loc.shape[1] - 1), dim=-1)
    z = torch.cat([w, (1 - w.square()).clamp(min=0).sqrt() * tangent], dim=-1)
    u = -loc.clone()
    u[:, 0] += 1
    # At the axis itself there is nothing to reflect.
    u = u / u.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    return z - 2 * (z * u).sum(-1, keepdim=True) * u


class GridInverse:
    """Cosines from the distribution function on a fixed fine grid: cumulative sum, interpolation.

    Arguments:
        concentration: The concentration.
        dim: The number of coordinates, at least 3.
        points: The points of the grid on [-1, 1].
    """

    def __init__(self, concentration: float, dim: int, points: int = GRID_POINTS) -> None:
        self.w = np.linspace(-1, 1, points)
        # The floor is for the ends, where the logarithm is infinite and may have the factor 0.
        log_rest = np.log(np.maximum(1 - np.square(self.w), 1e-300))
        log_density = concentration * self.w + (dim - 3) / 2 * log_rest
        cdf = np.cumsum(np.exp(log_density - log_density[1:-1].max()))
        self.cdf = cdf / cdf[-1]

    def sample(self, size: int) -> Tensor:
        return torch.from_numpy(np.interp(np.random.rand(size), self.cdf, self.w))
