"""The von Mises-Fisher posterior."""

__all__ = ["VonMisesFisherPosterior"]

import math
from typing import ClassVar

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..distributions import VonMisesFisher
from ..distributions.bessel import kl_to_uniform
from ..nn import at_least_float32
from ..priors import Prior, UniformSphere
from .base import Posterior


class VonMisesFisherPosterior(Posterior):
    r"""A von Mises-Fisher posterior on the unit sphere, with a fixed concentration.

    Its divergence to the uniform prior depends on the concentration alone: with the latter fixed,
    it is a constant, :attr:`kl_floor`, which training cannot change.

    References:
        | Spherical Latent Spaces for Stable Variational Autoencoders (Xu & Durrett, 2018)
        | https://arxiv.org/abs/1808.10805

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of coordinates of the sphere, at least 2.
        concentration: The concentration, finite and at least 0. Larger is narrower; 0 is uniform.
    """

    prior_cls: ClassVar[type[Prior]] = UniformSphere

    def __init__(
        self, in_features: int, latent_dim: int = 32, concentration: float = 80.0
    ) -> None:
        super().__init__(latent_dim)

        if not 0 <= concentration < math.inf:
            raise ValueError(
                f"'concentration' must be finite and at least 0, got {concentration}."
            )

        self.concentration = concentration
        self.kl_floor = kl_to_uniform(torch.tensor(concentration).double(), latent_dim).item()
        self.project = nn.Linear(in_features, latent_dim)

    def forward(self, h: Tensor) -> VonMisesFisher:
        loc = F.normalize(at_least_float32(self.project(h)), dim=-1)  # (B, D)

        return VonMisesFisher(loc, self.concentration, validate_args=False)
