"""Updates: which parameters a batch moves, and in what order."""

__all__ = ["Update"]

import abc
from typing import TYPE_CHECKING

import pytorch_lightning as pl
from torch import Tensor

from ...component import Component
from ...types import Batch

if TYPE_CHECKING:
    from ..lit import LitTextVAE


class Update(Component, pl.Callback, abc.ABC):
    """Abstract update.

    To add one, implement :meth:`__call__`; where it steps optimisers itself, by
    :meth:`LitTextVAE.descend`, set :attr:`manual`. It is a callback too, so that it may look at
    validation; what must survive a resume goes into `state_dict`.
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
