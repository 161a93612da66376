"""The Power Spherical posterior."""

__all__ = ["PowerSphericalPosterior"]

from typing import ClassVar

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..distributions import PowerSpherical
from ..nn import SCOPES, Concentration, at_least_float32
from ..priors import Prior, UniformSphere
from .base import Posterior


class PowerSphericalPosterior(Posterior):
    r"""A Power Spherical posterior on the unit sphere.

    Its divergence to the uniform prior depends on the concentration alone, as that of the von
    Mises-Fisher posterior does: a constant, :attr:`kl_floor`, where the concentration is fixed.

    Learned for the whole corpus or read off each sentence, it starts at `concentration` and never
    falls below `min_concentration`, whose divergence is then the floor. Gradients reach it by
    implicit reparameterisation.

    References:
        | The Power Spherical Distribution (De Cao & Aziz, 2020)
        | https://arxiv.org/abs/2006.04437

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of coordinates of the sphere, at least 2.
        concentration: The concentration, finite and at least 0, or where it starts if it is
            learned. Larger is narrower; 0 is uniform.
        scope: fixed; global for one learned number; sentence for one that each sentence has.
        min_concentration: The least concentration that can be learned, below `concentration`.
    """

    prior_cls: ClassVar[type[Prior]] = UniformSphere

    def __init__(
        self,
        in_features: int,
        latent_dim: int = 32,
        concentration: float = 80.0,
        scope: SCOPES = "fixed",
        min_concentration: float = 20.0,
    ) -> None:
        super().__init__(latent_dim)

        self.project = nn.Linear(in_features, latent_dim)
        self.concentration = Concentration(in_features, concentration, min_concentration, scope)
        floor = torch.tensor(self.concentration.minimum, dtype=torch.float64)
        self.kl_floor = PowerSpherical.kl_to_uniform(floor, latent_dim).item()

    def forward(self, h: Tensor) -> PowerSpherical:
        loc = F.normalize(at_least_float32(self.project(h)), dim=-1)  # (B, D)

        return PowerSpherical(loc, self.concentration(h), validate_args=False)
