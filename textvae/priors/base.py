"""Priors p(z)."""

__all__ = ["Prior"]

import abc
from typing import ClassVar, Literal

import torch.nn as nn
from torch.distributions import Distribution

from ..component import Component


class Prior(Component, nn.Module, abc.ABC):
    """Abstract prior p(z).

    To add one, implement :meth:`forward` and, where they differ, state the least number of
    dimensions of its space in :attr:`min_latent_dim` and the way between two of its points in
    :attr:`path`; one that learns from the posteriors when training is over has :meth:`fit`. The
    constructor's first argument is `latent_dim`.

    Arguments:
        latent_dim: The number of latent dimensions.
    """

    min_latent_dim: ClassVar[int] = 1
    path: ClassVar[Literal["linear", "spherical"]] = "linear"

    def __init__(self, latent_dim: int) -> None:
        super().__init__()

        self.latent_dim = self.checked(latent_dim)

    @classmethod
    def checked(cls, latent_dim: int) -> int:
        """The same number of dimensions, if the space can have it.

        Raises:
            ValueError: If it cannot.
        """
        if latent_dim < cls.min_latent_dim:
            raise ValueError(
                f"'latent_dim' must be at least {cls.min_latent_dim}, got {latent_dim}."
            )
        return latent_dim

    @abc.abstractmethod
    def forward(self) -> Distribution:
        """
        Returns:
            The prior, with batch shape () and event shape (D,), on the module's device.
        """

    def fit(self, q: Distribution) -> None:
        """Told the posteriors when training is over; nothing is done with them here.

        Arguments:
            q: The posteriors of N training sentences, with batch shape (N,).
        """
