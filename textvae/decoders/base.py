"""Decoders: the autoregressive likelihood p(x | z)."""

__all__ = ["Decoder"]

import abc

import torch.nn as nn
from torch import Tensor

from ..component import Component
from ..types import State


class Decoder(Component, nn.Module, abc.ABC):
    """Abstract decoder p(x | z).

    To add one, implement :meth:`log_prob`, :meth:`start` and :meth:`step`; the last, repeated,
    must equal the first. The constructor's first arguments are `vocab_size` and `latent_dim`.
    """

    vocab_size: int
    latent_dim: int

    max_tokens: int | None = None
    """The longest sentence that has room, ``</s>`` counted; None where any has."""

    @abc.abstractmethod
    def log_prob(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        """The log-likelihood under teacher forcing, without S*B*T*V logits in memory at once.

        Arguments:
            x: The target tokens, with shape (B, T): ``</s>`` included, ``<s>`` not.
            mask: Where they are real, with shape (B, T).
            z: The latent samples, with shape (S, B, D).

        Returns:
            log p(x | z) in nats, summed over the tokens, with shape (S, B).
        """

    @abc.abstractmethod
    def start(self, z: Tensor) -> State:
        """
        Arguments:
            z: The latents, with shape (B, D).

        Returns:
            The state before the first token.
        """

    @abc.abstractmethod
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """
        Arguments:
            tokens: The last tokens, with shape (B,); ``<s>`` at the first step.
            state: The state from :meth:`start` or from the step before.

        Returns:
            The logits of the next token, with shape (B, V), and the new state.
        """
