"""The von Mises-Fisher posterior."""

__all__ = ["VonMisesFisherPosterior"]

from ..distributions import VonMisesFisher
from .zonal import ZonalPosterior


class VonMisesFisherPosterior(ZonalPosterior):
    """A von Mises-Fisher posterior; see :class:`ZonalPosterior` for its arguments.

    References:
        | Spherical Latent Spaces for Stable Variational Autoencoders (Xu & Durrett, 2018)
        | https://arxiv.org/abs/1808.10805
    """

    family = VonMisesFisher
