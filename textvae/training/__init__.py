"""Training under Lightning."""

from .lit import LitTextVAE
from .lr_schedules import ConstantRate, LRSchedule, PlateauHalving, WarmupDecay
from .updates import Joint, Update

__all__ = [
    "ConstantRate",
    "Joint",
    "LRSchedule",
    "LitTextVAE",
    "PlateauHalving",
    "Update",
    "WarmupDecay",
]
