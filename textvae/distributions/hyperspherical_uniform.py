"""The uniform distribution on a sphere."""

__all__ = ["HypersphericalUniform", "log_area"]

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution

from .constraints import unit_vector


def log_area(dim: int) -> float:
    """The logarithm of the area of the unit sphere in R^dim."""
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


class HypersphericalUniform(Distribution):
    r"""The uniform distribution on the unit sphere of :math:`\mathbb{R}^d`.

    .. math:: p(z) = \frac{\Gamma(d / 2)}{2 \pi^{d / 2}}

    Arguments:
        dim: The number of coordinates d, at least 2.
        device: The device of the samples.
        dtype: The type of the samples. In half precision, all is computed in float32: points of
            the sphere are cast, densities and entropies are not.
        validate_args: Whether values are checked to have length 1.
    """

    arg_constraints = {}
    support = unit_vector
    has_rsample = True

    def __init__(
        self,
        dim: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if dim < 2:
            raise ValueError(f"'dim' must be at least 2 on a sphere, got {dim}.")

        self.dim = dim
        self.dtype = dtype or torch.get_default_dtype()
        working = torch.promote_types(self.dtype, torch.float32)
        self._zeros = torch.zeros(dim, device=device, dtype=working)
        super().__init__(torch.Size(), torch.Size((dim,)), validate_args)

    def expand(
        self, batch_shape: torch.Size, _instance: "HypersphericalUniform | None" = None
    ) -> "HypersphericalUniform":
        new = self._get_checked_instance(HypersphericalUniform, _instance)
        batch_shape = torch.Size(batch_shape)
        new.dim, new.dtype = self.dim, self.dtype
        new._zeros = self._zeros.expand(batch_shape + self.event_shape)
        super(HypersphericalUniform, new).__init__(batch_shape, self.event_shape, False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        return self._zeros.to(self.dtype)

    @property
    def variance(self) -> Tensor:
        return (self._zeros + 1 / self.dim).to(self.dtype)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        like = self._zeros.expand(self._extended_shape(sample_shape))
        return F.normalize(torch.randn_like(like), dim=-1).to(self.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        dtype = torch.promote_types(value.dtype, torch.float32)
        return value.new_full(shape, -log_area(self.dim), dtype=dtype)

    def entropy(self) -> Tensor:
        return self._zeros.new_full(self.batch_shape, log_area(self.dim))
