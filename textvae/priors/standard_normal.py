"""The standard normal prior."""

__all__ = ["StandardNormal"]

import torch
from torch.distributions import Independent, Normal

from .base import Prior


class StandardNormal(Prior):
    r"""The prior :math:`\mathcal{N}(0, I)`.

    Arguments:
        latent_dim: The number of latent dimensions.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)

        self.register_buffer("loc", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Independent:
        return Independent(Normal(self.loc, torch.ones_like(self.loc), validate_args=False), 1)
