"""Posteriors q(z | x), one a file."""

from .base import Posterior
from .batch_norm import BatchNormPosterior
from .batch_norm_scaled import BatchNormScaledPosterior
from .gaussian import GaussianPosterior
from .point import PointPosterior
from .von_mises_fisher import VonMisesFisherPosterior

__all__ = [
    "BatchNormPosterior",
    "BatchNormScaledPosterior",
    "GaussianPosterior",
    "PointPosterior",
    "Posterior",
    "VonMisesFisherPosterior",
]
