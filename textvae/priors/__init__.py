"""Priors p(z), one a file."""

from .base import Prior
from .fitted_normal import FittedNormal
from .standard_normal import StandardNormal
from .uniform_sphere import UniformSphere

__all__ = ["FittedNormal", "Prior", "StandardNormal", "UniformSphere"]
