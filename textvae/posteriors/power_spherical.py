"""The Power Spherical posterior."""

__all__ = ["PowerSphericalPosterior"]

from ..distributions import PowerSpherical
from .zonal import ZonalPosterior


class PowerSphericalPosterior(ZonalPosterior):
    r"""A Power Spherical posterior; see :class:`ZonalPosterior` for its arguments.

    .. math:: q(z \mid x) \propto (1 + \mu(h)^\top z)^\kappa, \qquad
        \mu(h) = W h / \|W h\|

    on the unit sphere. Its divergence to the uniform prior, in nats, depends on the concentration
    :math:`\kappa` alone.

    References:
        | The Power Spherical Distribution (De Cao & Aziz, 2020)
        | https://arxiv.org/abs/2006.04437
    """

    family = PowerSpherical
