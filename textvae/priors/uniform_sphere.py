"""The uniform prior on a sphere."""

__all__ = ["UniformSphere"]

from typing import ClassVar, Literal

import torch

from ..distributions import HypersphericalUniform
from .base import Prior


class UniformSphere(Prior):
    r"""The uniform prior on the unit sphere of :math:`\mathbb{R}^D`.

    Arguments:
        latent_dim: The number of coordinates, at least 2.
    """

    min_latent_dim: ClassVar[int] = 2
    path: ClassVar[Literal["linear", "spherical"]] = "spherical"

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)

        # Knows the device and the type of the module, which has no parameters to ask.
        self.register_buffer("anchor", torch.empty(0), persistent=False)

    def forward(self) -> HypersphericalUniform:
        return HypersphericalUniform(
            self.latent_dim, self.anchor.device, self.anchor.dtype, validate_args=False
        )
