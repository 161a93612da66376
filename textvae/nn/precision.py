"""Numbers that half precision is too coarse for."""

__all__ = ["at_least_float32"]

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The same values, in float32 where they are in half precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
