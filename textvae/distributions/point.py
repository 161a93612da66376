"""The distribution without spread."""

__all__ = ["Point"]

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl


class Point(Distribution):
    r"""All mass at one point :math:`\mu` of :math:`\mathbb{R}^d`: the code of an auto-encoder.

    It has no density; `log_prob` is that of its single value, 0 there and minus infinity
    elsewhere. Its divergence to any distribution counts as 0, since an auto-encoder pays nothing
    for its code. What follows is a reconstruction error, never a bound of the likelihood.

    Arguments:
        loc: The point, with shape (..., d).
        validate_args: Whether arguments and values are checked.
    """

    arg_constraints = {"loc": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, validate_args: bool | None = None) -> None:
        self.loc = loc
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args)

    def expand(self, batch_shape: torch.Size, _instance: "Point | None" = None) -> "Point":
        new = self._get_checked_instance(Point, _instance)
        batch_shape = torch.Size(batch_shape)
        new.loc = self.loc.expand(batch_shape + self.event_shape)
        super(Point, new).__init__(batch_shape, self.event_shape, False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.loc)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.loc.expand(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        here = (value == self.loc).all(-1)
        return torch.where(here, 0.0, -math.inf).to(self.loc.dtype)


@register_kl(Point, Distribution)
def _kl_point(q: Point, p: Distribution) -> Tensor:
    return q.loc.new_zeros(q.batch_shape)
