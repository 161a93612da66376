"""Callbacks, one a file."""

from .calibration import CalibrateBatchNorm
from .doctor import CollapseDoctor
from .interrupt import InterruptAtBatchEnd, Interrupted
from .patience import Patience
from .profile import Profile
from .progress import Progress
from .throughput import Throughput

__all__ = [
    "CalibrateBatchNorm",
    "CollapseDoctor",
    "Interrupted",
    "InterruptAtBatchEnd",
    "Patience",
    "Profile",
    "Progress",
    "Throughput",
]
