"""What the arguments of our distributions must satisfy."""

__all__ = ["check_concentration", "check_unit", "finite_nonnegative", "unit_vector"]

import torch
from torch import Tensor
from torch.distributions.constraints import Constraint


class _UnitVector(Constraint):
    """A vector of length 1, to within the rounding of its type."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        tolerance = max(1e-5, 4 * torch.finfo(value.dtype).eps)
        length = value.to(torch.promote_types(value.dtype, torch.float32)).norm(dim=-1)
        return (length - 1).abs() <= tolerance


class _FiniteNonnegative(Constraint):
    """A number from 0 on, neither infinite nor NaN."""

    def check(self, value: Tensor) -> Tensor:
        return value.isfinite() & (value >= 0)


unit_vector = _UnitVector()
finite_nonnegative = _FiniteNonnegative()


def check_unit(name: str, value: Tensor) -> None:
    """Refuses vectors that are not of length 1.

    Raises:
        ValueError: If there are any; it names the argument and the first of their lengths.
    """
    right = unit_vector.check(value)
    if not right.all():
        length = value[~right][0].double().norm().item()
        raise ValueError(f"'{name}' must have length 1, got a vector of length {length:.6g}.")


def check_concentration(name: str, value: Tensor) -> None:
    """Refuses what is negative, infinite or NaN.

    Raises:
        ValueError: If there is any; it names the argument and the first such value.
    """
    right = finite_nonnegative.check(value)
    if not right.all():
        raise ValueError(
            f"'{name}' must be finite and at least 0, got {value[~right].flatten()[0].item()}."
        )
