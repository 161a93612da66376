"""Small modules and functions that components share."""

from .cross_entropy import linear_log_prob
from .dropout import Dropout
from .initialisation import init_uniform_
from .pooling import POOLINGS, pool
from .word_dropout import word_dropout

__all__ = ["POOLINGS", "Dropout", "init_uniform_", "linear_log_prob", "pool", "word_dropout"]
