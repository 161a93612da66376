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
    default prior in :attr:`prior_cls`. The constructor's first argument is `in_features`.
    """

    prior_cls: ClassVar[type[Prior]] = StandardNormal
    latent_dim: int

    @abc.abstractmethod
    def forward(self, h: Tensor) -> Distribution:
        """
        Arguments:
            h: The features of the sentences, with shape (B, H).

        Returns:
            The posterior, with batch shape (B,) and event shape (D,).
        """
