"""The LSTM encoder."""

__all__ = ["LSTMEncoder"]

import torch.nn as nn

from .recurrent import RecurrentEncoder


class LSTMEncoder(RecurrentEncoder):
    __doc__ = f"An LSTM encoder. {RecurrentEncoder.__doc__}"

    network = nn.LSTM
