"""The Gaussian posterior with a fixed variance."""

__all__ = ["FixedVariancePosterior"]

import math

import torch.nn as nn
from torch import Tensor
from torch.distributions import Independent, Normal

from ..nn import at_least_float32
from .base import Posterior


class FixedVariancePosterior(Posterior):
    r"""A Gaussian posterior with a learned mean and a fixed variance.

    .. math:: q(z \mid x) = \mathcal{N}(\mu(h), \sigma^2 I), \qquad
        \mathrm{KL}(q \| p) = \frac{\|\mu\|^2}{2} + \frac{D}{2} (\sigma^2 - 1 - 2 \log \sigma)

    The second part no parameters can lower. It is paid for nothing while the means are equal, so
    that this is no guarantee against collapse, as that of batch normalisation is: the floor takes
    away the reward of an uninformative posterior, and the means must do the rest.

    References:
        | Preventing Posterior Collapse with delta-VAEs (Razavi et al., 2019), for the floor
        | https://arxiv.org/abs/1901.03416
        | From Variational to Deterministic Autoencoders (Ghosh et al., 2020), for the constant
        | https://arxiv.org/abs/1903.12436

    Arguments:
        in_features: The size of the features h.
        latent_dim: The number of latent dimensions D.
        scale: The standard deviation sigma in every dimension; 1 has no floor.
    """

    def __init__(self, in_features: int, latent_dim: int = 32, scale: float = 0.7) -> None:
        super().__init__(latent_dim)

        if not 0 < scale < math.inf:
            raise ValueError(f"'scale' must be finite and above 0, got {scale}.")

        self.scale = scale
        self.kl_floor = latent_dim / 2 * (scale**2 - 1 - 2 * math.log(scale))
        self.project = nn.Linear(in_features, latent_dim)

    def forward(self, h: Tensor) -> Independent:
        loc = at_least_float32(self.project(h))  # (B, D)

        return Independent(Normal(loc, loc.new_tensor(self.scale), validate_args=False), 1)
