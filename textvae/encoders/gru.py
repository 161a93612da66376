"""The GRU encoder."""

__all__ = ["GRUEncoder"]

import torch.nn as nn

from .recurrent import RecurrentEncoder


class GRUEncoder(RecurrentEncoder):
    """A GRU encoder; see :class:`RecurrentEncoder` for its arguments."""

    network = nn.GRU
