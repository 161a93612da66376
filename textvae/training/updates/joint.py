"""All parameters at once."""

__all__ = ["Joint"]

from typing import TYPE_CHECKING

from torch import Tensor

from ...types import Batch
from .base import Update

if TYPE_CHECKING:
    from ..lit import LitTextVAE


class Joint(Update):
    """One step of all parameters for each batch."""

    def __call__(self, module: "LitTextVAE", batch: Batch) -> Tensor:
        return module.loss(batch)
