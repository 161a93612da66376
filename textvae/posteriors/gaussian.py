"""The diagonal Gaussian posterior."""

__all__ = ["GaussianPosterior"]

import torch.nn as nn
from torch import Tensor
from torch.distributions import Independent, Normal

from ..nn import at_least_float32, init_uniform_
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
        init_range: The bound of the uniform draw that the projection starts from; the standard
            benchmark's is 0.01. PyTorch's default where null.
    """

    def __init__(
        self,
        in_features: int,
        latent_dim: int = 32,
        min_scale: float = 1e-4,
        bias: bool = True,
        init_range: float | None = None,
    ) -> None:
        super().__init__(latent_dim)

        self.min_scale = min_scale
        self.project = nn.Linear(in_features, 2 * latent_dim, bias=bias)
        init_uniform_(self.project, init_range)

    def forward(self, h: Tensor) -> Independent:
        loc, log_variance = at_least_float32(self.project(h)).chunk(2, dim=-1)  # (B, D) each
        scale = (log_variance / 2).exp().clamp(min=self.min_scale)

        return Independent(Normal(loc, scale, validate_args=False), 1)
