"""Training under Lightning."""

from .lit import LitTextVAE
from .lr_schedules import (
    ConstantRate,
    CosineRestarts,
    LRSchedule,
    PlateauHalving,
    WarmupDecay,
)
from .updates import Aggressive, Joint, Pretraining, Update

__all__ = [
    "Aggressive",
    "ConstantRate",
    "CosineRestarts",
    "Joint",
    "LRSchedule",
    "LitTextVAE",
    "PlateauHalving",
    "Pretraining",
    "Update",
    "WarmupDecay",
]
