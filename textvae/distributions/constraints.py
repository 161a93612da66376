"""What the arguments of our distributions must satisfy."""

__all__ = ["finite_nonnegative", "unit_vector"]

import torch
from torch import Tensor
from torch.distributions.constraints import Constraint


class _UnitVector(Constraint):
    """A vector of length 1, to within the rounding of its type."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        tolerance = max(1e-5, 4 * torch.finfo(value.dtype).eps)
        return (value.norm(dim=-1) - 1).abs() <= tolerance


class _FiniteNonnegative(Constraint):
    """A number from 0 on, neither infinite nor NaN."""

    def check(self, value: Tensor) -> Tensor:
        return value.isfinite() & (value >= 0)


unit_vector = _UnitVector()
finite_nonnegative = _FiniteNonnegative()
