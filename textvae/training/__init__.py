"""Training under Lightning."""

from .lit import LitTextVAE
from .lr_schedules import ConstantRate, LRSchedule, PlateauHalving, WarmupDecay
from .updates import Aggressive, Joint, Pretraining, Update

__all__ = [
    "Aggressive",
    "ConstantRate",
    "Joint",
    "LRSchedule",
    "LitTextVAE",
    "PlateauHalving",
    "Pretraining",
    "Update",
    "WarmupDecay",
]
