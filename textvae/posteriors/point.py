"""The posterior of an auto-encoder."""

__all__ = ["PointPosterior"]

import torch.nn as nn
from torch import Tensor

from ..distributions import Point
from ..nn import at_least_float32
from .base import Posterior


class PointPosterior(Posterior):
    r"""A posterior without spread, :math:`z = \mu(h)`: it makes the model an auto-encoder.

    Its divergence counts as 0. The prior is not learnt from and only serves to sample; the model
    has a reconstruction error and no likelihood.

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of latent dimensions.
    """

    def __init__(self, in_features: int, latent_dim: int = 32) -> None:
        super().__init__(latent_dim)

        self.project = nn.Linear(in_features, latent_dim)

    def forward(self, h: Tensor) -> Point:
        return Point(at_least_float32(self.project(h)), validate_args=False)
