"""Moving about in a latent space without leaving it, on a sphere as in R^D."""

__all__ = ["along", "displaced", "is_sphere", "perturbed", "unit"]

import torch
from torch import Tensor

from ..api import TextVAE
from ..errors import UsageError

OPPOSITE = 1e-8
"""1 + cos of the angle under which two directions count as opposite."""


def is_sphere(vae: TextVAE) -> bool:
    """Whether the latents of a model live on the unit sphere."""
    return vae.vae.prior.path == "spherical"


def unit(z: Tensor) -> Tensor:
    """The directions of latents, with shape (..., D).

    Raises:
        UsageError: If one has length 0.
    """
    length = z.norm(dim=-1, keepdim=True)
    if not (length > 0).all():
        raise UsageError("a latent of length 0 has no direction; take other sentences")
    return z / length


def displaced(z: Tensor, start: Tensor, end: Tensor, sphere: bool) -> Tensor:
    r"""Moves latents as `start` moves to `end`.

    In R^D this is z + end - start. On a sphere it is the rotation in the plane of `start` and
    `end` that takes the one to the other: the result is on the sphere, and `start` goes to `end`.

    .. math:: R z = z - \frac{(u + v) \cdot z}{1 + u \cdot v} (u + v) + 2 (u \cdot z) v

    Arguments:
        z: The latents, with shape (..., D).
        start: With shape (D,).
        end: With shape (D,).
        sphere: Whether they live on the unit sphere.

    Raises:
        UsageError: If `start` and `end` are opposite on a sphere, where no turn is the shortest.
    """
    if not sphere:
        return z + end - start
    x, u, v = z.double(), unit(start.double()), unit(end.double())
    if 1 + u @ v < OPPOSITE:
        raise UsageError("the two stand opposite each other on the sphere; take other sentences")
    both = u + v
    turned = x - (x @ both / (1 + u @ v)).unsqueeze(-1) * both + 2 * (x @ u).unsqueeze(-1) * v
    return unit(turned).to(z.dtype)


def along(z: Tensor, direction: Tensor, amounts: Tensor, sphere: bool) -> Tensor:
    """The points that one reaches from a latent along a direction.

    In R^D the coordinate of `z` along the direction becomes each of `amounts`. On a sphere one
    walks by that many radians on the great circle through `z` in that direction.

    Arguments:
        z: The latent, with shape (D,).
        direction: A direction, with shape (D,).
        amounts: Where to, with shape (T,).
        sphere: Whether it lives on the unit sphere.

    Returns:
        The points, with shape (T, D).

    Raises:
        UsageError: If on a sphere the latent itself is the direction.
    """
    v, t = unit(direction), amounts.to(z).unsqueeze(-1)
    rest = z - (z @ v) * v
    if not sphere:
        return rest + t * v
    tangent = v - (z @ v) * z
    if tangent.norm() < OPPOSITE**0.5:
        raise UsageError("the latent is itself that direction, where nothing leads; take another")
    return unit(t.cos() * z + t.sin() * unit(tangent))


def perturbed(z: Tensor, count: int, scale: float, seed: int, sphere: bool) -> Tensor:
    """Latents around one: noise of `scale` in R^D, a walk of `scale` radians any way on a sphere.

    Arguments:
        z: The latent, with shape (D,).
        count: How many latents.
        scale: How far.
        seed: The seed of the noise.
        sphere: Whether it lives on the unit sphere.

    Returns:
        The latents, with shape (count, D).
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, z.shape[0], generator=generator).to(z)
    if not sphere:
        return z + scale * noise
    tangent = unit(noise - (noise @ z).unsqueeze(-1) * z)
    angle = torch.tensor(scale, dtype=z.dtype, device=z.device)
    return unit(angle.cos() * z + angle.sin() * tangent)
