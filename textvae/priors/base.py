"""Priors p(z)."""

__all__ = ["Prior"]

import abc

import torch.nn as nn
from torch.distributions import Distribution

from ..component import Component


class Prior(Component, nn.Module, abc.ABC):
    """Abstract prior p(z).

    To add one, implement :meth:`forward`. The constructor's first argument is `latent_dim`.
    """

    latent_dim: int

    @abc.abstractmethod
    def forward(self) -> Distribution:
        """
        Returns:
            The prior, with batch shape () and event shape (D,), on the module's device.
        """
