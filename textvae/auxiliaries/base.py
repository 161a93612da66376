"""Auxiliary losses: what else z is asked to know, by a module with parameters of its own."""

__all__ = ["Auxiliary"]

import abc

import torch.nn as nn
from torch import Tensor

from ..component import Component


class Auxiliary(Component, nn.Module, abc.ABC):
    """Abstract auxiliary loss.

    It becomes `Terms.auxiliary`, which every objective adds to its loss and no metric sees. To add
    one, implement :meth:`forward`. The constructor's first arguments are `vocab_size` and
    `latent_dim`.
    """

    @abc.abstractmethod
    def forward(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        """
        Arguments:
            x: The target tokens, with shape (B, T): ``</s>`` included, ``<s>`` not.
            mask: Where they are real, with shape (B, T).
            z: The latent samples, with shape (S, B, D).

        Returns:
            The loss of each sentence in nats, the mean over the samples, with shape (B,).
        """
