"""The LSTM decoder."""

__all__ = ["LSTMDecoder"]

import torch.nn as nn
from torch import Tensor

from ..types import State
from .recurrent import RecurrentDecoder


class LSTMDecoder(RecurrentDecoder):
    """An LSTM decoder; see :class:`RecurrentDecoder` for its arguments."""

    network = nn.LSTM

    def _initial(self, cell: Tensor) -> State:
        return {"hidden": cell.tanh(), "cell": cell}

    def _pack(self, state: State) -> tuple[Tensor, Tensor]:
        hidden, cell = state["hidden"], state["cell"]
        return hidden.transpose(0, 1).contiguous(), cell.transpose(0, 1).contiguous()

    def _unpack(self, packed: tuple[Tensor, Tensor]) -> State:
        return {"hidden": packed[0].transpose(0, 1), "cell": packed[1].transpose(0, 1)}
