"""Encoders, one a file."""

from .base import Encoder
from .gru import GRUEncoder
from .lstm import LSTMEncoder

__all__ = ["Encoder", "GRUEncoder", "LSTMEncoder"]
