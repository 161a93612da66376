"""The von Mises-Fisher posterior."""

__all__ = ["VonMisesFisherPosterior"]

from ..distributions import VonMisesFisher
from .zonal import ZonalPosterior


class VonMisesFisherPosterior(ZonalPosterior):
    r"""A von Mises-Fisher posterior; see :class:`ZonalPosterior` for its arguments.

    .. math:: q(z \mid x) \propto \exp(\kappa \, \mu(h)^\top z), \qquad
        \mu(h) = W h / \|W h\|

    on the unit sphere. Its divergence to the uniform prior, in nats, depends on the concentration
    :math:`\kappa` alone.

    References:
        | Spherical Latent Spaces for Stable Variational Autoencoders (Xu & Durrett, 2018)
        | https://arxiv.org/abs/1808.10805
    """

    family = VonMisesFisher
