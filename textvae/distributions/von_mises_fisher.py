"""The von Mises-Fisher distribution."""

__all__ = ["VonMisesFisher"]

from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import register_kl

from .bessel import (
    kl_between,
    kl_to_uniform,
    mean_resultant_gap,
    mean_resultant_length,
    solve_concentration,
)
from .constraints import check_unit
from .cosine import LAWS
from .hyperspherical_uniform import log_area
from .zonal import Zonal


class VonMisesFisher(Zonal):
    r"""The von Mises-Fisher distribution on the unit sphere of :math:`\mathbb{R}^d`.

    .. math:: q(z) = \frac{\exp(k \langle \mu, z \rangle - L(k))}{|S^{d - 1}|}, \qquad
        L(k) = \log {}_0F_1(; d/2; k^2/4)

    Concentration 0 is the uniform distribution, exactly. Divergences to the uniform and to another
    von Mises-Fisher distribution are in closed form.

    References:
        | Directional Statistics (Mardia & Jupp, 2000), section 9.3.2
        | https://doi.org/10.1002/9780470316979

    Arguments:
        loc: The mean direction mu, of length 1, with shape (..., d) and d at least 2.
        concentration: The concentration k, finite and at least 0; larger is narrower. A number, or
            a tensor whose shape broadcasts with that of `loc` less its last dimension.
        validate_args: Whether arguments and values are checked.
    """

    law: ClassVar[LAWS] = "von_mises_fisher"
    kl_to_uniform = staticmethod(kl_to_uniform)
    mean_length = staticmethod(mean_resultant_length)

    def log_prob(self, value: Tensor) -> Tensor:
        # About the mode: at large k, neither it nor k - L may come from k <loc, z> - L.
        gap = self._gap(value)
        return self.each(_log_peak) - self.concentration * gap

    @classmethod
    def fit(cls, samples: Tensor) -> Self:
        """The distribution of greatest likelihood.

        Arguments:
            samples: N points of the sphere, with shape (N, ..., d); the others are batches.

        Raises:
            ValueError: If a point is off the sphere, or all of a batch are the same one to within
                the rounding of their type, which no concentration is large enough for.
        """
        check_unit("samples", samples)
        points = F.normalize(samples.double(), dim=-1)
        mean = points.mean(0)
        loc = torch.where(mean.abs().sum(-1, keepdim=True) > 0, mean, torch.ones_like(mean))
        loc = loc / loc.norm(dim=-1, keepdim=True)
        gap = (points - loc).square().sum(-1).mean(0) / 2  # 1 - |mean|
        if not (gap > torch.finfo(samples.dtype).eps ** 2).all():
            raise ValueError(
                f"'samples' must not all be the same point as {samples.dtype} rounds it, got a "
                f"mean of length 1 - {gap.min().item():.1g}."
            )
        concentration = solve_concentration(gap, samples.shape[-1])
        return cls(loc.to(samples.dtype), concentration)


def _log_peak(concentration: Tensor, dim: int) -> Tensor:
    """The log-density at the mode: k - L, as a sum of what does not cancel, less the area."""
    gap, divergence = mean_resultant_gap(concentration, dim), kl_to_uniform(concentration, dim)
    return concentration * gap + divergence - log_area(dim)


@register_kl(VonMisesFisher, VonMisesFisher)
def _kl_vmf_vmf(q: VonMisesFisher, p: VonMisesFisher) -> Tensor:
    if q.dim != p.dim:
        raise ValueError(f"'p' must have the {q.dim} coordinates of 'q', got {p.dim}.")
    k, own = p.concentration.double(), q.concentration.double()
    gap = (q.loc - p.loc).square().sum(-1).double() / 2
    length = mean_resultant_length(own, q.dim)
    return (kl_between(own, k, q.dim) + k * length * gap).to(q.loc.dtype)
