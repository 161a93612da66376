"""The bag-of-words loss."""

__all__ = ["BagOfWords"]

import torch.nn as nn
from torch import Tensor

from .base import Auxiliary


class BagOfWords(Auxiliary):
    r"""Asks z for the words of the sentence, in whatever order.

    .. math:: -w \sum_t \log f_{x_t}(z), \qquad f(z) = \operatorname{softmax}(V \tanh(U z))

    One distribution for all positions, which sees no word before: z alone can lower this loss.

    References:
        | Learning Discourse-level Diversity for Neural Dialog Models using Conditional
        | Variational Autoencoders (Zhao et al., 2017), section 3.3
        | https://arxiv.org/abs/1703.10960

    Arguments:
        vocab_size: The number of tokens of the vocabulary.
        latent_dim: The number of latent dimensions.
        hidden_size: The size of the hidden layer.
        weight: The weight of the loss.
    """

    def __init__(
        self, vocab_size: int, latent_dim: int, hidden_size: int = 256, weight: float = 1.0
    ) -> None:
        super().__init__()

        if weight < 0:
            raise ValueError(f"'weight' must be at least 0, got {weight}.")

        self.weight = weight
        self.to_logits = nn.Sequential(
            nn.Linear(latent_dim, hidden_size), nn.Tanh(), nn.Linear(hidden_size, vocab_size)
        )

    def forward(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        log_prob = self.to_logits(z).log_softmax(dim=-1)  # (S, B, V)
        words = log_prob.gather(2, x.expand(len(z), -1, -1))  # (S, B, T)
        return -self.weight * (words * mask).sum(dim=2).mean(dim=0)
