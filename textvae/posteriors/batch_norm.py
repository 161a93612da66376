"""The Gaussian posterior with normalised means."""

__all__ = ["BatchNormPosterior"]

import math

import torch
import torch.nn as nn
from torch import Tensor
from torch.distributions import Independent, Normal

from ..nn import BatchNorm, at_least_float32
from .base import Posterior


class BatchNormPosterior(Posterior):
    r"""A diagonal Gaussian posterior whose means pass through batch normalisation (BN-VAE).

    .. math:: \mu = \gamma \, \operatorname{BN}(W h) + \beta

    with :math:`\gamma` fixed and the shift :math:`\beta` learned. In a training batch where
    :math:`W h` has variance :math:`v_i` in dimension i, the mean divergence is at least

    .. math:: \frac{\gamma^2}{2} \sum_i \frac{v_i}{v_i + \epsilon}
        \approx \frac{D}{2} \gamma^2

    whatever the parameters. For that the means must vary: keep PyTorch's default initialisation
    of encoder and projection. With the standard benchmark's, v starts at about 2e-8.

    References:
        | A Batch Normalized Inference Network Keeps the KL Vanishing Away (Zhu et al., 2020)
        | https://arxiv.org/abs/2004.12585

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of latent dimensions D.
        gamma: The standard deviation of the means in every dimension, above 0.
        eps: What batch normalisation adds to the variance.
    """

    def __init__(
        self, in_features: int, latent_dim: int = 32, gamma: float = 0.6, eps: float = 1e-8
    ) -> None:
        super().__init__(latent_dim)

        if not 0 < gamma < math.inf:
            raise ValueError(f"'gamma' must be finite and above 0, got {gamma}.")

        self.gamma = gamma
        self.kl_floor = latent_dim / 2 * gamma**2
        # Without bias, which batch normalisation would take away again.
        self.project_loc = nn.Linear(in_features, latent_dim, bias=False)
        self.norm = BatchNorm(latent_dim, eps)
        self.shift = nn.Parameter(torch.zeros(latent_dim))
        self.project_log_variance = nn.Linear(in_features, latent_dim)

    def forward(self, h: Tensor) -> Independent:
        # In half precision, the variance of nearly equal means would be that of their rounding.
        with torch.autocast(h.device.type, enabled=False):
            h = at_least_float32(h)
            loc = self.gamma * self.norm(self.project_loc(h)) + self.shift  # (B, D)
            scale = (self.project_log_variance(h) / 2).exp()  # (B, D)

        return Independent(Normal(loc, scale, validate_args=False), 1)
