"""Decoders, one a file."""

from .base import Decoder
from .convolutional import ConvolutionalDecoder
from .gru import GRUDecoder
from .lstm import LSTMDecoder
from .transformer import TransformerDecoder

__all__ = [
    "ConvolutionalDecoder",
    "Decoder",
    "GRUDecoder",
    "LSTMDecoder",
    "TransformerDecoder",
]
