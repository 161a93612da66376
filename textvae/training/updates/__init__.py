"""Updates, one a file."""

from .aggressive import Aggressive
from .base import Update
from .joint import Joint
from .pretraining import Pretraining

__all__ = ["Aggressive", "Joint", "Pretraining", "Update"]
