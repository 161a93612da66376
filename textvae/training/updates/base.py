"""Updates: which parameters a batch moves, and in what order."""

__all__ = ["Update"]

import abc
from typing import TYPE_CHECKING

from torch import Tensor

from ...component import Component
from ...types import Batch

if TYPE_CHECKING:
    from ..lit import LitTextVAE


class Update(Component, abc.ABC):
    """Abstract update.

    To add one, implement :meth:`__call__`; where it steps optimisers itself, set :attr:`manual`.
    """

    manual: bool = False

    @abc.abstractmethod
    def __call__(self, module: "LitTextVAE", batch: Batch) -> Tensor | None:
        """
        Arguments:
            module: The Lightning module, whose :meth:`LitTextVAE.loss` gives the loss of a batch.
            batch: The batch.

        Returns:
            The loss to descend, or None where the update has stepped by itself.
        """
