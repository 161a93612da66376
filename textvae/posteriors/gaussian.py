"""The diagonal Gaussian posterior."""

__all__ = ["GaussianPosterior"]

import torch.nn as nn
from torch import Tensor
from torch.distributions import Independent, Normal

from .base import Posterior


class GaussianPosterior(Posterior):
    r"""A diagonal Gaussian posterior :math:`\mathcal{N}(\mu(h), \sigma(h)^2 I)`.

    References:
        | Generating Sentences from a Continuous Space (Bowman et al., 2016)
        | https://arxiv.org/abs/1511.06349

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of latent dimensions.
        min_scale: The floor of the standard deviation, in latent units.
        bias: Whether the projection has a bias; the standard benchmark has none.
    """

    def __init__(
        self, in_features: int, latent_dim: int = 32, min_scale: float = 1e-4, bias: bool = True
    ) -> None:
        super().__init__()

        if latent_dim < 1:
            raise ValueError(f"'latent_dim' must be at least 1, got {latent_dim}.")

        self.latent_dim = latent_dim
        self.min_scale = min_scale
        self.project = nn.Linear(in_features, 2 * latent_dim, bias=bias)

    def forward(self, h: Tensor) -> Independent:
        loc, log_variance = self.project(h).float().chunk(2, dim=-1)  # (B, D) each
        scale = (log_variance / 2).exp().clamp(min=self.min_scale)

        return Independent(Normal(loc, scale, validate_args=False), 1)
