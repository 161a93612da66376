"""Walking from a sentence along one direction of the latent space."""

__all__ = ["principal_axes", "traverse"]

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..api import TextVAE
from ..decoding import STRATEGIES
from ..errors import UsageError
from .space import along, is_sphere


def traverse(
    vae: TextVAE,
    text: str,
    dimension: int | None = None,
    axis: int | None = None,
    texts: Sequence[str] = (),
    steps: int = 7,
    span: float | None = None,
    strategy: STRATEGIES = "greedy",
    labels: Sequence[str] | None = None,
    **options: Any,
) -> list[str]:
    """Writes the sentences that differ from one in a single dimension or along a principal axis.

    In R^D the coordinate goes from -span to span: in standard deviations of N(0, I) for a
    dimension, in those of the sentences about their mean for an axis. On a sphere one walks on a
    great circle from -span to span, in radians.

    Arguments:
        vae: The model.
        text: The sentence to start from.
        dimension: The dimension, from 0; or
        axis: the principal axis of `texts`, from 0, the one of the most variance.
        texts: The sentences whose principal axes are meant.
        steps: How many sentences to write.
        span: How far to go; 2 in R^D and a right angle on a sphere where None.
        strategy: greedy, beam or sample.
        labels: The labels of `texts`, where a conditional model was given that of `text`.
        options: Those of :meth:`textvae.TextVAE.decode`.

    Raises:
        UsageError: If the dimension or the axis does not exist.
    """
    if (dimension is None) == (axis is None):
        raise UsageError("name a dimension or a principal axis to walk along, and not both")
    (z,) = vae.encode([text])
    number, size = axis if dimension is None else dimension, vae.latent_dim
    if not 0 <= number < size:
        raise UsageError(f"there is no dimension {number}; this model has 0 to {size - 1}")
    sphere = is_sphere(vae)
    reach = span if span is not None else math.pi / 2 if sphere else 2.0
    amounts = torch.linspace(-reach, reach, steps)
    if axis is None:
        direction = torch.eye(size, dtype=z.dtype, device=z.device)[dimension]
    else:
        mean, deviations, axes = principal_axes(vae.encode(texts, vae.wanted(labels)))
        if axis >= len(axes):
            raise UsageError(f"{len(texts)} sentences have {len(axes)} axes; give more of them")
        direction = axes[axis]
        if not sphere:
            amounts = amounts.to(z) * deviations[axis] + mean @ direction
    return vae.decode(along(z, direction, amounts, sphere), strategy, **options)


def principal_axes(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean of N latents, and their principal axes with the standard deviations along them.

    Returns:
        The mean (D,), the deviations (K,), and the axes (K, D), where K = min(N - 1, D).
    """
    mean = z.mean(dim=0)
    _, values, axes = torch.linalg.svd(z - mean, full_matrices=False)
    count = min(len(z) - 1, z.shape[1])
    # An axis has two directions; the same one each time.
    signs = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()
    return mean, values[:count] / max(len(z) - 1, 1) ** 0.5, (axes * signs)[:count]
