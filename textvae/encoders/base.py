"""Encoders: from the tokens of a sentence to its features."""

__all__ = ["Encoder"]

import abc

import torch.nn as nn
from torch import Tensor

from ..component import Component


class Encoder(Component, nn.Module, abc.ABC):
    """Abstract encoder h(x).

    To add one, implement :meth:`forward` and set :attr:`out_features`. The constructor's first
    argument is `vocab_size`. Neither padding nor the order of a batch may change the result.
    """

    out_features: int

    max_tokens: int | None = None
    """The longest sentence that has room, ``</s>`` counted; None where any has."""

    def lr_scales(self) -> dict[nn.Parameter, float]:
        """The parameters that do not learn at the optimiser's rate, and the share of it that they
        take."""
        return {}

    @abc.abstractmethod
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """
        Arguments:
            x: The tokens, with shape (B, T); padding stands at the end.
            mask: Where they are real, with shape (B, T).

        Returns:
            The features, with shape (B, H).
        """
