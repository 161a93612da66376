"""Decoders, one a file."""

from .base import Decoder
from .gru import GRUDecoder
from .lstm import LSTMDecoder
from .transformer import TransformerDecoder

__all__ = ["Decoder", "GRUDecoder", "LSTMDecoder", "TransformerDecoder"]
