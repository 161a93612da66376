"""Priors p(z), one a file."""

from .base import Prior
from .standard_normal import StandardNormal

__all__ = ["Prior", "StandardNormal"]
