"""Learning-rate schedules, one a file."""

from .base import LRSchedule, all_batches
from .constant import ConstantRate
from .plateau import PlateauHalving
from .warmup_decay import WarmupDecay

__all__ = ["ConstantRate", "LRSchedule", "PlateauHalving", "WarmupDecay", "all_batches"]
