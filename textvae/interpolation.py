"""Ways from one latent to another."""

__all__ = ["PATHS", "lerp", "path", "slerp"]

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from .errors import UsageError

PATHS = Literal["linear", "spherical"]

OPPOSITE = 1e-4
"""The angle, in radians, below which two directions count as opposite."""


def lerp(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Points on the straight line from `a` to `b`.

    Arguments:
        a: Where weight 0 stands, with shape (..., D).
        b: Where weight 1 stands, with shape (..., D).
        weights: The weights, with shape (T,).

    Returns:
        The points, with shape (T, ..., D), exact at both ends.
    """
    return torch.lerp(a, b, _aligned(weights.to(a), a))


def slerp(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Points on the arc from `a` to `b`: the angle and the length both go linearly.

    Between points of a sphere this is the great circle. Between draws of a Gaussian in many
    dimensions, which all have about the same length, it stays where the draws are; a straight line
    cuts through the middle, where none are.

    References:
        | Animating Rotation with Quaternion Curves (Shoemake, 1985)
        | https://doi.org/10.1145/325334.325242

    Arguments:
        a: Where weight 0 stands, with shape (..., D).
        b: Where weight 1 stands, with shape (..., D).
        weights: The weights, with shape (T,).

    Returns:
        The points, with shape (T, ..., D), exact at both ends.

    Raises:
        UsageError: If the directions are opposite, or a length is 0.
    """
    w = _aligned(weights.double(), a)  # (T, ..., 1)
    length_a, length_b = (x.double().norm(dim=-1, keepdim=True) for x in (a, b))
    if not (length_a * length_b > 0).all():
        raise UsageError("a latent of length 0 has no direction to turn; use the linear path")

    u, v = a / length_a, b / length_b
    angle = 2 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True))
    if (angle > math.pi - OPPOSITE).any():
        raise UsageError(
            "the two ends stand opposite each other on the sphere, where no shortest path is "
            "unique; use the linear path, or another sentence at one end"
        )

    length = torch.lerp(length_a, length_b, w)
    to_a = _sine_ratio(1 - w, angle) * length / length_a
    to_b = _sine_ratio(w, angle) * length / length_b
    return (to_a * a + to_b * b).to(a.dtype)


def path(a: Tensor, b: Tensor, steps: int, kind: PATHS) -> Tensor:
    """Points from `a` to `b`, both included.

    Arguments:
        a: The first point, with shape (..., D).
        b: The last point, with shape (..., D).
        steps: The number of points, at least 2.
        kind: linear or spherical.

    Returns:
        The points, with shape (steps, ..., D).

    Raises:
        UsageError: If `steps` is below 2, or :func:`slerp` refuses the ends.
    """
    if steps < 2:
        raise UsageError(f"'steps' must be at least 2, for both ends, got {steps}")
    if kind not in get_args(PATHS):
        raise UsageError(f"'kind' must be one of {', '.join(get_args(PATHS))}, got '{kind}'")

    weights = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)
    return (slerp if kind == "spherical" else lerp)(a, b, weights)


def _sine_ratio(w: Tensor, angle: Tensor) -> Tensor:
    """sin(w angle) / sin(angle), also where the angle is 0."""
    return w * torch.sinc(w * angle / math.pi) / torch.sinc(angle / math.pi)


def _aligned(weights: Tensor, x: Tensor) -> Tensor:
    """The weights ahead of the dimensions of x, with shape (T, 1, ..., 1)."""
    return weights.reshape(-1, *[1] * x.dim())
