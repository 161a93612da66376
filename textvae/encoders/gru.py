"""The GRU encoder."""

__all__ = ["GRUEncoder"]

import torch.nn as nn

from .recurrent import RecurrentEncoder


class GRUEncoder(RecurrentEncoder):
    __doc__ = f"An GRU encoder. {RecurrentEncoder.__doc__}"

    network = nn.GRU
