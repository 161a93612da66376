"""Small modules and functions that components share."""

from .batch_norm import BatchNorm, calibrate_batch_norm
from .concentration import SCOPES, Concentration
from .cross_entropy import linear_log_prob
from .dropout import Dropout
from .initialisation import init_uniform_
from .padding import align
from .pooling import POOLINGS, pool
from .precision import PRECISIONS, at_least_float32, mixed
from .products import linear, matmul
from .recurrence import recur
from .word_dropout import word_dropout

__all__ = [
    "POOLINGS",
    "PRECISIONS",
    "SCOPES",
    "BatchNorm",
    "Concentration",
    "Dropout",
    "align",
    "at_least_float32",
    "calibrate_batch_norm",
    "init_uniform_",
    "linear",
    "linear_log_prob",
    "matmul",
    "mixed",
    "pool",
    "recur",
    "word_dropout",
]
