"""Priors p(z), one a file."""

from .base import Prior
from .standard_normal import StandardNormal
from .uniform_sphere import UniformSphere

__all__ = ["Prior", "StandardNormal", "UniformSphere"]
