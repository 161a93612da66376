"""Objectives: from the terms of a model to the loss that is minimised."""

__all__ = ["Objective"]

import abc

from torch import Tensor

from ..component import Component
from ..schedules import Schedule
from ..types import Terms


class Objective(Component, abc.ABC):
    """Abstract objective.

    To add one, implement :meth:`__call__`, and say in :attr:`num_samples` how many latent samples
    it wants and in :attr:`stop_score` whether log q(z | x) must not pass gradients to q.
    """

    num_samples: int = 1
    stop_score: bool = False

    @abc.abstractmethod
    def __call__(self, terms: Terms, step: int) -> Tensor:
        """
        Arguments:
            terms: What the model says of a batch.
            step: The batches seen before this one.

        Returns:
            The loss, in nats per sentence, with shape ().
        """

    def schedules(self) -> dict[str, Schedule]:
        """The schedules that the objective holds, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Schedule)}
