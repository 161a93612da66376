"""Objectives, one a file."""

from .base import Objective
from .beta_elbo import BetaELBO

__all__ = ["BetaELBO", "Objective"]
