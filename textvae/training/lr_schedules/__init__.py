"""Learning-rate schedules, one a file."""

from .base import LRSchedule, all_batches
from .constant import ConstantRate
from .cosine_restarts import CosineRestarts
from .plateau import PlateauHalving
from .warmup_decay import WarmupDecay

__all__ = [
    "ConstantRate",
    "CosineRestarts",
    "LRSchedule",
    "PlateauHalving",
    "WarmupDecay",
    "all_batches",
]
