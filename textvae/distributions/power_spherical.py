"""The Power Spherical distribution."""

__all__ = ["PowerSpherical"]

from typing import ClassVar

import torch
from torch import Tensor

from .cosine import LAWS
from .gamma import power_kl_to_uniform, power_log_peak, power_mean_length
from .hyperspherical_uniform import log_area
from .zonal import Zonal


class PowerSpherical(Zonal):
    r"""The Power Spherical distribution on the unit sphere of :math:`\mathbb{R}^d`.

    .. math:: q(z) \propto (1 + \langle \mu, z \rangle)^k

    With the same mean length it has heavier tails than the von Mises-Fisher distribution, and no
    density opposite to the mean direction. Concentration 0 is the uniform distribution, exactly.

    References:
        | The Power Spherical Distribution (De Cao & Aziz, 2020)
        | https://arxiv.org/abs/2006.04437

    Arguments:
        loc: The mean direction mu, of length 1, with shape (..., d) and d at least 2.
        concentration: The concentration k, finite and at least 0; larger is narrower. A number, or
            a tensor whose shape broadcasts with that of `loc` less its last dimension.
        validate_args: Whether arguments and values are checked.
    """

    law: ClassVar[LAWS] = "power_spherical"
    kl_to_uniform = staticmethod(power_kl_to_uniform)
    mean_length = staticmethod(power_mean_length)

    def log_prob(self, value: Tensor) -> Tensor:
        # Rounding may take the gap of an opposite point beyond 2.
        half_gap = (self._gap(value) / 2).clamp(max=1)
        peak = self.each(power_log_peak) - log_area(self.dim)
        return peak + torch.special.xlog1py(self.concentration, -half_gap)
