"""What the GRU and the LSTM decoder share."""

__all__ = ["INJECTIONS", "RecurrentDecoder"]

import abc
from typing import Literal

import torch.nn as nn
from torch import Tensor

from ..nn import Dropout, init_uniform_, linear, linear_log_prob, recur
from ..types import State
from .base import Decoder, inputs_of, sum_words

INJECTIONS = Literal["state", "input", "both"]


class RecurrentDecoder(Decoder):
    r"""A recurrent network that reads the words before and knows z.

    z enters the initial state, :math:`c_0 = W z, h_0 = \tanh(c_0)`, is concatenated to every
    input, or both. A leaf names the network in :attr:`network`.

    Arguments:
        vocab_size: The number of tokens of the vocabulary.
        latent_dim: The number of latent dimensions; 0 makes a language model.
        embedding_size: The size of a token's embedding.
        hidden_size: The size of the hidden state.
        num_layers: The number of layers.
        inject: Where z enters: state, input or both.
        input_dropout: The dropout rate of the embeddings.
        output_dropout: The dropout rate of the outputs, and between layers.
        word_dropout: The rate at which input words are replaced by the unknown word in training.
        weight_dropout: The rate at which weights from state to state are dropped in training, the
            same for a whole batch (DropConnect; Merity et al., 2018).
        locked_dropout: Whether embeddings and outputs are dropped at every position of a sentence
            alike (Gal and Ghahramani, 2016), and not at each anew; between layers it is at each.
        tie_embeddings: Whether input and output share one embedding; needs equal sizes, or a
            projection.
        projection: Whether a linear layer, of H E + E parameters, leads from the outputs to the
            output embedding (Press and Wolf, 2017). Without one, states of an LSTM, which are
            within (-1, 1), are all that a tied embedding is multiplied with.
        init_range: Parameters are drawn from U(-r, r); the benchmark's is 0.01. PyTorch's if None.
        embedding_range: Embeddings are drawn from U(-r, r); the benchmark's is 0.1.

    Raises:
        ValueError: If embeddings are tied, and sizes differ without a projection.
    """

    def __init__(
        self,
        vocab_size: int,
        latent_dim: int,
        embedding_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 1,
        inject: INJECTIONS = "both",
        input_dropout: float = 0.5,
        output_dropout: float = 0.5,
        word_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        locked_dropout: bool = False,
        tie_embeddings: bool = False,
        projection: bool = False,
        init_range: float | None = None,
        embedding_range: float | None = None,
    ) -> None:
        super().__init__()

        if tie_embeddings and not projection and embedding_size != hidden_size:
            raise ValueError(
                f"'tie_embeddings' needs 'embedding_size' equal to 'hidden_size', or a "
                f"'projection', got {embedding_size} and {hidden_size}."
            )

        self.vocab_size = vocab_size
        self.latent_dim = latent_dim
        self.inject = inject
        self.word_dropout = word_dropout
        self.input_dropout = Dropout(input_dropout, locked_dropout)
        self.output_dropout = Dropout(output_dropout, locked_dropout)
        self.weight_dropout = Dropout(weight_dropout)
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.recurrent = self.network(
            embedding_size + (0 if inject == "state" else latent_dim),
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=output_dropout if num_layers > 1 else 0.0,
        )
        self.to_state = None
        if latent_dim > 0 and inject != "input":
            self.to_state = nn.Linear(latent_dim, num_layers * hidden_size, bias=False)
        self.projection = nn.Linear(hidden_size, embedding_size) if projection else nn.Identity()
        width = embedding_size if projection else hidden_size
        self.to_logits = nn.Linear(width, vocab_size, bias=False)
        init_uniform_(self, init_range, embedding_range)
        if tie_embeddings:
            self.to_logits.weight = self.embedding.weight
        if projection:
            # States and the benchmark's embeddings are small: three times as much lets logits
            # begin apart, but with PyTorch's large embeddings it would be far too much.
            rms = self.to_logits.weight.detach().square().mean().sqrt().item()
            nn.init.orthogonal_(self.projection.weight, gain=min(3.0, 0.3 / 3**0.5 / rms))
            nn.init.zeros_(self.projection.bias)

    def log_prob(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        tokens = inputs_of(x, self.word_dropout if self.training else 0.0)  # (B, T)
        embedded = self.input_dropout(self.embedding(tokens))  # (B, T, E)

        z = z.flatten(0, 1)  # (S * B, D)
        own, state = None if self.inject == "state" else z, self._pack(self.start(z))
        outputs, _ = recur(self.recurrent, embedded, own, state, drop=self.weight_dropout)
        return sum_words(self.output_dropout(outputs), x, mask, self._log_prob)

    def start(self, z: Tensor) -> State:
        size = self.recurrent.num_layers, self.recurrent.hidden_size
        cell = z.new_zeros(len(z), *size) if self.to_state is None else self.to_state(z)
        return {"z": z, **self._initial(cell.view(-1, *size))}

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        embedded = self.embedding(tokens)[:, None]  # (B, 1, E)
        own = None if self.inject == "state" else state["z"]
        outputs, packed = recur(self.recurrent, embedded, own, self._pack(state))
        logits = linear(self.projection(outputs[:, 0]), self.to_logits.weight)
        return logits, {"z": state["z"], **self._unpack(packed)}

    def _log_prob(self, h: Tensor, targets: Tensor) -> Tensor:
        return linear_log_prob(self.projection(h), self.to_logits.weight, targets)

    @property
    @abc.abstractmethod
    def network(self) -> type[nn.RNNBase]:
        """The recurrent network; a leaf sets it as a class attribute."""

    @abc.abstractmethod
    def _initial(self, cell: Tensor) -> State:
        """The state that begins with `cell`, of shape (B, L, H) for L layers."""

    @abc.abstractmethod
    def _pack(self, state: State) -> Tensor | tuple[Tensor, Tensor]:
        """The state as the network wants it, with layers first."""

    @abc.abstractmethod
    def _unpack(self, packed: Tensor | tuple[Tensor, Tensor]) -> State:
        """The network's state with the batch first."""
