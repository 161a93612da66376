"""Updates, one a file."""

from .aggressive import Aggressive
from .base import Update
from .joint import Joint

__all__ = ["Aggressive", "Joint", "Update"]
