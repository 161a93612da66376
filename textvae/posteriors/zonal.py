"""What the posteriors on the sphere share."""

__all__ = ["ZonalPosterior"]

import abc
from typing import ClassVar

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..distributions.zonal import Zonal
from ..nn import SCOPES, Concentration, at_least_float32
from ..priors import Prior, UniformSphere
from .base import Posterior


class ZonalPosterior(Posterior):
    """A posterior on the unit sphere with a mean direction and a concentration.

    Its divergence to the uniform prior depends on the concentration alone: where the latter is
    fixed, it is a constant, :attr:`kl_floor`, which training cannot change.

    Learned for the whole corpus or read off each sentence, it starts at `concentration` and never
    falls below `min_concentration`, whose divergence is then the floor. Gradients reach it by
    implicit reparameterisation. A leaf names the distribution in :attr:`family`.

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
        concentration: float = 35.0,
        scope: SCOPES = "fixed",
        min_concentration: float = 20.0,
    ) -> None:
        super().__init__(latent_dim)

        self.project = nn.Linear(in_features, latent_dim)
        self.concentration = Concentration(in_features, concentration, min_concentration, scope)
        floor = torch.tensor(self.concentration.minimum, dtype=torch.float64)
        self.kl_floor = self.family.kl_to_uniform(floor, latent_dim).item()

    @property
    @abc.abstractmethod
    def family(self) -> type[Zonal]:
        """The distribution; a leaf sets it as a class attribute."""

    def forward(self, h: Tensor) -> Zonal:
        loc = F.normalize(at_least_float32(self.project(h)), dim=-1)  # (B, D)

        return self.family(loc, self.concentration(h), validate_args=False)
