"""Decoders: the autoregressive likelihood p(x | z)."""

__all__ = ["Decoder", "inputs_of", "sum_words"]

import abc
from collections.abc import Callable

import torch
import torch.nn as nn
from torch import Tensor

from ..component import Component
from ..nn import word_dropout
from ..types import BOS, UNK, State


class Decoder(Component, nn.Module, abc.ABC):
    """Abstract decoder p(x | z).

    To add one, implement :meth:`log_prob`, :meth:`start` and :meth:`step`; the last, repeated,
    must equal the first. The constructor's first arguments are `vocab_size` and `latent_dim`.
    """

    vocab_size: int
    latent_dim: int

    max_tokens: int | None = None
    """The longest sentence that has room, ``</s>`` counted; None where any has."""

    pretrained: bool = False
    """Whether it knew a language before training."""

    def lr_scales(self) -> dict[nn.Parameter, float]:
        """The parameters that do not learn at the optimiser's rate, and the share of it that they
        take."""
        return {}

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
            The logits of the next token, with shape (B, V), which the search may overwrite, and
            the new state.
        """


def inputs_of(x: Tensor, dropout: float = 0.0) -> Tensor:
    """What a decoder reads under teacher forcing: ``<s>``, and each target but the last.

    Arguments:
        x: The targets, with shape (B, T).
        dropout: The rate at which words are replaced by the unknown word.
    """
    tokens = torch.cat([torch.full_like(x[:, :1], BOS), x[:, :-1]], dim=1)
    return word_dropout(tokens, dropout, replacement=UNK, keep=BOS) if dropout > 0 else tokens


def sum_words(
    h: Tensor, x: Tensor, mask: Tensor, log_prob: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Sums the log-probabilities of the words of each sentence; padding costs nothing.

    Arguments:
        h: The outputs at each position, with shape (S * B, T, H).
        x: The targets, with shape (B, T).
        mask: Where they are real, with shape (B, T).
        log_prob: From outputs (N, H) and targets (N,) to log-probabilities (N,).

    Returns:
        The sums, with shape (S, B).
    """
    samples = len(h) // len(x)
    real = mask.expand(samples, -1, -1).flatten(0, 1)  # (S * B, T)
    targets = x.expand(samples, -1, -1).flatten(0, 1)[real]  # (N,)
    found = log_prob(h[real], targets)
    per_token = found.new_zeros(real.shape).masked_scatter(real, found)
    return per_token.sum(dim=1).view(samples, len(x))
