"""The LSTM encoder."""

__all__ = ["LSTMEncoder"]

import torch.nn as nn

from .recurrent import RecurrentEncoder


class LSTMEncoder(RecurrentEncoder):
    """An LSTM encoder; see :class:`RecurrentEncoder` for its arguments."""

    network = nn.LSTM
