"""The convolutional decoder: it sees a few words only."""

__all__ = ["ConvolutionalDecoder"]

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..nn import Dropout, init_uniform_, linear, linear_log_prob
from ..types import State
from .base import Decoder, inputs_of, sum_words


class ConvolutionalDecoder(Decoder):
    r"""Dilated causal convolutions: each word is predicted from z and the last `width` words.

    What stands further back it can only know from z, and so it cannot do without. Each layer adds
    to a position a function of that position and of one that lies d before it,

    .. math:: h_t \leftarrow h_t + W' \operatorname{relu}(W [h_{t-d}; h_t] + b) + b'

    with d = 1, 2, 4 and so on, the last d cut so that exactly `width` words are in reach. z is
    concatenated to every input.

    References:
        | Improved Variational Autoencoders for Text Modeling using Dilated Convolutions (Yang et
        | al., 2017) https://arxiv.org/abs/1702.08139

    Arguments:
        vocab_size: The number of tokens of the vocabulary.
        latent_dim: The number of latent dimensions; 0 makes a language model.
        width: How many words a prediction sees, at least 1, the start of the sentence counted.
        embedding_size: The size of a token's embedding.
        hidden_size: The size of the hidden layers.
        input_dropout: The dropout rate of the embeddings.
        output_dropout: The dropout rate of the outputs.
        word_dropout: The rate at which input words are replaced by the unknown word in training.
        tie_embeddings: Whether input and output share one embedding; needs equal sizes.
        init_range: Parameters are drawn from U(-r, r). PyTorch's if None.
        embedding_range: Embeddings are drawn from U(-r, r).

    Raises:
        ValueError: If no word is seen, or embeddings are tied and sizes differ.
    """

    def __init__(
        self,
        vocab_size: int,
        latent_dim: int,
        width: int = 4,
        embedding_size: int = 256,
        hidden_size: int = 256,
        input_dropout: float = 0.5,
        output_dropout: float = 0.5,
        word_dropout: float = 0.0,
        tie_embeddings: bool = False,
        init_range: float | None = None,
        embedding_range: float | None = None,
    ) -> None:
        super().__init__()

        if width < 1:
            raise ValueError(f"'width' must be at least 1, got {width}.")
        if tie_embeddings and embedding_size != hidden_size:
            raise ValueError(
                f"'tie_embeddings' needs 'embedding_size' equal to 'hidden_size', "
                f"got {embedding_size} and {hidden_size}."
            )

        self.vocab_size = vocab_size
        self.latent_dim = latent_dim
        self.word_dropout = word_dropout
        self.input_dropout = Dropout(input_dropout)
        self.output_dropout = Dropout(output_dropout)
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.to_hidden = nn.Linear(embedding_size + latent_dim, hidden_size)
        self.layers = nn.ModuleList(_Layer(hidden_size, d) for d in _dilations(width))
        self.to_logits = nn.Linear(hidden_size, vocab_size, bias=False)
        init_uniform_(self, init_range, embedding_range)
        if tie_embeddings:
            self.to_logits.weight = self.embedding.weight

    def log_prob(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        tokens = inputs_of(x, self.word_dropout if self.training else 0.0)  # (B, T)
        embedded = self.input_dropout(self.embedding(tokens))  # (B, T, E)
        embedded = embedded.expand(len(z), -1, -1, -1).flatten(0, 1)  # (S * B, T, E)

        spread = z.flatten(0, 1)[:, None].expand(-1, embedded.shape[1], -1)  # (S * B, T, D)
        h = self.to_hidden(torch.cat([embedded, spread], dim=-1))  # (S * B, T, H)
        for layer in self.layers:
            h = layer(F.pad(h, (0, 0, layer.dilation, 0))[:, : h.shape[1]], h)
        return sum_words(self.output_dropout(h), x, mask, self._log_prob)

    def start(self, z: Tensor) -> State:
        size = self.to_hidden.out_features
        past = {
            f"past{i}": z.new_zeros(len(z), layer.dilation, size)
            for i, layer in enumerate(self.layers)
        }
        return {"z": z, **past}

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        h = self.to_hidden(torch.cat([self.embedding(tokens), state["z"]], dim=-1))  # (B, H)
        after = {"z": state["z"]}
        for i, layer in enumerate(self.layers):
            past = state[f"past{i}"]  # (B, d, H)
            after[f"past{i}"] = torch.cat([past[:, 1:], h[:, None]], dim=1)
            h = layer(past[:, 0], h)
        return linear(h, self.to_logits.weight), after

    def _log_prob(self, h: Tensor, targets: Tensor) -> Tensor:
        return linear_log_prob(h, self.to_logits.weight, targets)


class _Layer(nn.Module):
    """Adds to a position a function of it and of one before it."""

    def __init__(self, hidden_size: int, dilation: int) -> None:
        super().__init__()

        self.dilation = dilation
        self.into = nn.Linear(2 * hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size)

    def forward(self, past: Tensor, h: Tensor) -> Tensor:
        return h + self.out(self.into(torch.cat([past, h], dim=-1)).relu())


def _dilations(width: int) -> list[int]:
    """How far back each layer reaches: powers of two that sum to `width` - 1, the last cut."""
    dilations, left = [], width - 1
    while left > 0:
        dilations.append(min(2 ** len(dilations), left))
        left -= dilations[-1]
    return dilations
