"""The GRU decoder."""

__all__ = ["GRUDecoder"]

import torch.nn as nn
from torch import Tensor

from ..types import State
from .recurrent import RecurrentDecoder


class GRUDecoder(RecurrentDecoder):
    """A GRU decoder; see :class:`RecurrentDecoder` for its arguments."""

    network = nn.GRU

    def _initial(self, cell: Tensor) -> State:
        return {"hidden": cell.tanh()}

    def _pack(self, state: State) -> Tensor:
        return state["hidden"].transpose(0, 1).contiguous()

    def _unpack(self, packed: Tensor) -> State:
        return {"hidden": packed.transpose(0, 1)}
