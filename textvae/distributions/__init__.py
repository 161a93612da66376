"""Distributions that torch does not have, and the divergence between any two."""

from .divergence import kl
from .hyperspherical_uniform import HypersphericalUniform
from .point import Point
from .power_spherical import PowerSpherical
from .von_mises_fisher import VonMisesFisher

__all__ = ["HypersphericalUniform", "Point", "PowerSpherical", "VonMisesFisher", "kl"]
