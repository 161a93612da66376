"""Posteriors q(z | x), one a file."""

from .base import Posterior
from .batch_norm import BatchNormPosterior
from .batch_norm_scaled import BatchNormScaledPosterior
from .fixed_variance import FixedVariancePosterior
from .gaussian import GaussianPosterior
from .point import PointPosterior
from .power_spherical import PowerSphericalPosterior
from .prior import PriorPosterior
from .von_mises_fisher import VonMisesFisherPosterior

__all__ = [
    "BatchNormPosterior",
    "BatchNormScaledPosterior",
    "FixedVariancePosterior",
    "GaussianPosterior",
    "PointPosterior",
    "Posterior",
    "PriorPosterior",
    "PowerSphericalPosterior",
    "VonMisesFisherPosterior",
]
