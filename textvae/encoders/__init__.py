"""Encoders, one a file."""

from .base import Encoder
from .gru import GRUEncoder
from .lstm import LSTMEncoder
from .transformer import TransformerEncoder

__all__ = ["Encoder", "GRUEncoder", "LSTMEncoder", "TransformerEncoder"]
