"""The von Mises-Fisher distribution."""

__all__ = ["VonMisesFisher"]

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution, register_kl

from .bessel import kl_to_uniform, log_normaliser, mean_resultant_length
from .constraints import finite_nonnegative, unit_vector
from .cosine import draw_artanh_cosine
from .hyperspherical_uniform import HypersphericalUniform, log_area


class VonMisesFisher(Distribution):
    r"""The von Mises-Fisher distribution on the unit sphere of :math:`\mathbb{R}^d`.

    .. math:: q(z) = \frac{\exp(k \langle \mu, z \rangle - L(k))}{|S^{d - 1}|}, \qquad
        L(k) = \log {}_0F_1(; d/2; k^2/4)

    Concentration 0 is the uniform distribution, exactly.

    Samples are differentiable in `loc` alone: the concentration is taken as fixed. Densities and
    divergences are differentiable in both.

    References:
        | Directional Statistics (Mardia & Jupp, 2000), section 9.3.2
        | https://doi.org/10.1002/9780470316979

    Arguments:
        loc: The mean direction mu, of length 1, with shape (..., d) and d at least 2.
        concentration: The concentration k, finite and at least 0; larger is narrower. A number, or
            a tensor whose shape broadcasts with that of `loc` less its last dimension.
        validate_args: Whether arguments and values are checked.
    """

    arg_constraints = {"loc": unit_vector, "concentration": finite_nonnegative}
    support = unit_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1 or loc.shape[-1] < 2:
            raise ValueError(f"'loc' must have at least 2 coordinates, got shape {loc.shape}.")

        self.dim = loc.shape[-1]
        # Not expanded: a number stays one on the CPU, so that L, KL and the table are those of one
        # value, not of a batch.
        self.concentration = torch.as_tensor(concentration, dtype=loc.dtype)
        batch_shape = torch.broadcast_shapes(loc.shape[:-1], self.concentration.shape)
        self.loc = loc.expand(batch_shape + loc.shape[-1:])
        super().__init__(batch_shape, loc.shape[-1:], validate_args)

    def expand(
        self, batch_shape: torch.Size, _instance: "VonMisesFisher | None" = None
    ) -> "VonMisesFisher":
        new = self._get_checked_instance(VonMisesFisher, _instance)
        batch_shape = torch.Size(batch_shape)
        new.dim = self.dim
        new.concentration = self.concentration
        new.loc = self.loc.expand(batch_shape + self.event_shape)
        super(VonMisesFisher, new).__init__(batch_shape, self.event_shape, False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        return self._each(mean_resultant_length).unsqueeze(-1) * self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        # One call draws all, so that the generator's state alone decides what is drawn.
        noise = torch.randn(
            shape[:-1] + (self.dim + 1,), dtype=self.loc.dtype, device=self.loc.device
        )
        y = draw_artanh_cosine(noise[..., 0], self.concentration, self.dim).unsqueeze(-1)
        # Projected twice: where the first time cancels, rounding leaves a part along loc.
        tangent = self._project(self._project(noise[..., 1:]))
        z = y.tanh() * self.loc + F.normalize(tangent, dim=-1) / y.cosh()
        return F.normalize(z, dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        # 1 - <loc, z> as a square: at large k, neither it nor k - L may come from k <loc, z> - L.
        gap = (value - self.loc).square().sum(-1) / 2
        k = self.concentration.double()
        at_mode = (k - log_normaliser(k, self.dim) - log_area(self.dim)).to(gap.dtype)
        return at_mode - self.concentration * gap

    def entropy(self) -> Tensor:
        return log_area(self.dim) - self._each(kl_to_uniform)

    def _project(self, x: Tensor) -> Tensor:
        """The part of x at right angles to the mean direction."""
        return x - (x * self.loc).sum(-1, keepdim=True) * self.loc

    def _each(self, function: Callable[[Tensor, int], Tensor]) -> Tensor:
        """A function of the concentration and the dimension, with the batch's shape."""
        return function(self.concentration, self.dim).to(self.loc).expand(self.batch_shape)


@register_kl(VonMisesFisher, HypersphericalUniform)
def _kl_vmf_uniform(q: VonMisesFisher, p: HypersphericalUniform) -> Tensor:
    return q._each(kl_to_uniform)
