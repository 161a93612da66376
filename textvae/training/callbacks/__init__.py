"""Callbacks, one a file."""

from .calibration import CalibrateBatchNorm
from .interrupt import InterruptAtBatchEnd, Interrupted
from .progress import Progress
from .throughput import Throughput

__all__ = ["CalibrateBatchNorm", "Interrupted", "InterruptAtBatchEnd", "Progress", "Throughput"]
