"""The Power Spherical posterior."""

__all__ = ["PowerSphericalPosterior"]

from ..distributions import PowerSpherical
from .zonal import ZonalPosterior


class PowerSphericalPosterior(ZonalPosterior):
    """A Power Spherical posterior; see :class:`ZonalPosterior` for its arguments.

    References:
        | The Power Spherical Distribution (De Cao & Aziz, 2020)
        | https://arxiv.org/abs/2006.04437
    """

    family = PowerSpherical
