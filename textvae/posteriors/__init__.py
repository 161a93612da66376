"""Posteriors q(z | x), one a file."""

from .base import Posterior
from .gaussian import GaussianPosterior

__all__ = ["GaussianPosterior", "Posterior"]
