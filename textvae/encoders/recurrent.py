"""What the GRU and the LSTM encoder share."""

__all__ = ["RecurrentEncoder"]

import abc

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..nn import POOLINGS, Dropout, init_uniform_, pool, recur
from .base import Encoder


class RecurrentEncoder(Encoder):
    """Embeds the tokens, runs a recurrent network over them, and pools its outputs.

    A leaf names the network in :attr:`network`.

    Arguments:
        vocab_size: The number of tokens of the vocabulary.
        embedding_size: The size of a token's embedding.
        hidden_size: The size of the hidden state, of each direction.
        num_layers: The number of layers.
        bidirectional: Whether a second network reads from right to left.
        pooling: How to pool over the tokens: last, mean or max. The last of a bidirectional
            network is the end of each direction.
        dropout: The dropout rate of the embeddings and between layers.
        init_range: Parameters are drawn from U(-r, r); the benchmark's is 0.01. PyTorch's if None.
        embedding_range: Embeddings are drawn from U(-r, r); the benchmark's is 0.1.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: POOLINGS = "last",
        dropout: float = 0.0,
        init_range: float | None = None,
        embedding_range: float | None = None,
    ) -> None:
        super().__init__()

        self.pooling = pooling
        self.out_features = hidden_size * (2 if bidirectional else 1)
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.dropout = Dropout(dropout)
        self.recurrent = self.network(
            embedding_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        init_uniform_(self, init_range, embedding_range)

    @property
    @abc.abstractmethod
    def network(self) -> type[nn.RNNBase]:
        """The recurrent network; a leaf sets it as a class attribute."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        # Padding stands at the end, where a network that reads forwards has not been yet.
        if not self.recurrent.bidirectional and not self.training:
            words, index = x.unique(return_inverse=True)
            outputs, _ = recur(self.recurrent, self.embedding(words), index=index)
            return pool(outputs, mask, self.pooling)

        inputs = self.dropout(self.embedding(x))  # (B, T, E)
        if not self.recurrent.bidirectional:
            return pool(self.recurrent(inputs)[0], mask, self.pooling)

        lengths = mask.sum(dim=1).cpu()
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        outputs = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=x.shape[1]
        )[0]  # (B, T, 2H)
        if self.pooling == "last":
            forwards, backwards = outputs.chunk(2, dim=-1)
            return torch.cat([pool(forwards, mask, "last"), backwards[:, 0]], dim=-1)
        return pool(outputs, mask, self.pooling)
