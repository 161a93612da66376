"""Callbacks, one a file."""

from .interrupt import InterruptAtBatchEnd, Interrupted
from .progress import Progress
from .throughput import Throughput

__all__ = ["Interrupted", "InterruptAtBatchEnd", "Progress", "Throughput"]
