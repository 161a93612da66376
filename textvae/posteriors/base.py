"""Posteriors q(z | x).

A posterior is a module whose forward pass turns the features h(x) of a sentence into a
distribution. Sampling, densities and divergences belong to the distribution, layers to the module.
"""

__all__ = ["Posterior"]

import abc
from typing import ClassVar

import torch.nn as nn
from torch import Tensor
from torch.distributions import Distribution

from ..component import Component
from ..priors import Prior, StandardNormal


class Posterior(Component, nn.Module, abc.ABC):
    """Abstract posterior q(z | x).

    To add a family, implement :meth:`forward` and, if the latent space is not R^D, name its
    default prior in :attr:`prior_cls`; if its divergence to that prior has a floor, set
    :attr:`kl_floor`. The constructor's first argument is `in_features`.

    Arguments:
        latent_dim: The number of latent dimensions.

    Raises:
        ValueError: If the space of the default prior cannot have as many or as few.
    """

    prior_cls: ClassVar[type[Prior]] = StandardNormal
    latent_dim: int
    kl_floor: float
    """The mean divergence over a training batch that no parameters can go below, in nats."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()

        self.latent_dim = self.prior_cls.checked(latent_dim)
        self.kl_floor = 0.0

    @abc.abstractmethod
    def forward(self, h: Tensor) -> Distribution:
        """
        Arguments:
            h: The features of the sentences, with shape (B, H).

        Returns:
            The posterior, with batch shape (B,) and event shape (D,).
        """
