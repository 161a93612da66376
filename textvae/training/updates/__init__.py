"""Updates, one a file."""

from .base import Update
from .joint import Joint

__all__ = ["Joint", "Update"]
