"""The Gaussian posterior with normalised means and deviations."""

__all__ = ["BatchNormScaledPosterior"]

import math

import torch
import torch.nn as nn
from torch import Tensor
from torch.distributions import Independent, Normal

from ..nn import BatchNorm, at_least_float32
from .base import Posterior

MIN_DEVIATION = 1e-3
"""The floor of a normalised deviation, which is signed and may come near 0."""


class BatchNormScaledPosterior(Posterior):
    r"""A diagonal Gaussian posterior whose aggregate has the second moment of the prior.

    Means and standard deviations pass through batch normalisation, then through scales that share
    out a second moment of 1 between them:

    .. math::
        \mu &= \sqrt{\tau + (1 - \tau) \operatorname{sigmoid}(\theta)} \, \operatorname{BN}(W h) \\
        \sigma &= \sqrt{(1 - \tau) \operatorname{sigmoid}(-\theta)} \,
            \left|\operatorname{BN}(U h)\right|

    with :math:`\tau` fixed and :math:`\theta` learned in each dimension. Over a training batch
    :math:`\operatorname{E}[\mu^2 + \sigma^2] = 1`, and by Jensen's inequality the mean divergence
    is at least :math:`-\frac{D}{2} \log(1 - \tau)`, whatever the parameters, as long as the
    variances before normalisation are large against `eps`.

    References:
        | Variational Autoencoders (5): VAE + BN = A Better VAE (Su, 2020), in Chinese
        | https://kexue.fm/archives/7381
        | A Batch Normalized Inference Network Keeps the KL Vanishing Away (Zhu et al., 2020),
        | for the normalised means https://arxiv.org/abs/2004.12585

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of latent dimensions D.
        tau: The least share of the means in the second moment, between 0 and 1.
        eps: What batch normalisation adds to the variance.
    """

    def __init__(
        self, in_features: int, latent_dim: int = 32, tau: float = 0.5, eps: float = 1e-8
    ) -> None:
        super().__init__(latent_dim)

        if not 0 < tau < 1:
            raise ValueError(f"'tau' must be between 0 and 1, both excluded, got {tau}.")

        self.tau = tau
        self.kl_floor = -latent_dim / 2 * math.log1p(-tau)
        # Without bias, which batch normalisation would take away again.
        self.project_loc = nn.Linear(in_features, latent_dim, bias=False)
        self.project_scale = nn.Linear(in_features, latent_dim, bias=False)
        self.norm_loc = BatchNorm(latent_dim, eps)
        self.norm_scale = BatchNorm(latent_dim, eps)
        self.theta = nn.Parameter(torch.zeros(latent_dim))

    def forward(self, h: Tensor) -> Independent:
        # In half precision, the variance of nearly equal means would be that of their rounding.
        with torch.autocast(h.device.type, enabled=False):
            h = at_least_float32(h)
            loc = self.norm_loc(self.project_loc(h))  # (B, D)
            deviation = self.norm_scale(self.project_scale(h)).abs().clamp(min=MIN_DEVIATION)
        loc = (self.tau + (1 - self.tau) * self.theta.sigmoid()).sqrt() * loc
        scale = ((1 - self.tau) * (-self.theta).sigmoid()).sqrt() * deviation

        return Independent(Normal(loc, scale, validate_args=False), 1)
