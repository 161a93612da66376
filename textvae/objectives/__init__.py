"""Objectives, one a file."""

from .base import Objective
from .beta_elbo import BetaELBO
from .control_vae import ControlVAE
from .dreg import DReG
from .free_bits import FreeBits
from .iwae import IWAE
from .lagrangian import Lagrangian
from .mmd import MMD
from .sampled_elbo import SampledELBO

__all__ = [
    "IWAE",
    "MMD",
    "BetaELBO",
    "ControlVAE",
    "DReG",
    "FreeBits",
    "Lagrangian",
    "Objective",
    "SampledELBO",
]
