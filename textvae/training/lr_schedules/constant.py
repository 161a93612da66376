"""One learning rate throughout."""

__all__ = ["ConstantRate"]

from .base import LRSchedule


class ConstantRate(LRSchedule):
    """Leaves the learning rate alone."""
