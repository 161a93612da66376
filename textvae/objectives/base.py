"""Objectives: from the terms of a model to the loss that is minimised."""

__all__ = ["Objective"]

import abc

from torch import Tensor

from ..component import Component
from ..schedules import Schedule
from ..types import Terms


class Objective(Component, abc.ABC):
    """Abstract objective.

    To add one, implement :meth:`__call__`, add `Terms.auxiliary` in it, and set of the following
    what differs.
    """

    num_samples: int = 1
    """The latent samples that it wants of each sentence."""

    stop_score: bool = False
    """Whether log q(z | x) must not pass gradients to the parameters of q."""

    needs: tuple[str, ...] = ()
    """The terms, by name, without which it means nothing; the others may be None or constant."""

    moves_kl: bool = False
    """Whether it treats the divergence otherwise than the evidence lower bound does."""

    rate: float | None = None
    """The divergence in nats per sentence that it asks for or leaves alone, if it names one."""

    state: tuple[str, ...] = ()
    """The attributes that change from batch to batch. A checkpoint keeps them, the log shows
    them."""

    _last_step: int = -1

    @abc.abstractmethod
    def __call__(self, terms: Terms, step: int) -> Tensor:
        """
        Arguments:
            terms: What the model says of a batch, all of it where several processes share one.
            step: The batches seen before this one.

        Returns:
            The loss, in nats per sentence, with shape ().
        """

    def schedules(self) -> dict[str, Schedule]:
        """The schedules that the objective holds, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Schedule)}

    def weights(self, step: int) -> dict[str, float]:
        """The numbers that change over time, by name, as they are at a batch."""
        scheduled = {name: schedule(step) for name, schedule in self.schedules().items()}
        return scheduled | {name: getattr(self, name) for name in self.state}

    def arrived(self, step: int) -> bool:
        """Whether no scheduled weight is on its way at a batch."""
        return all(schedule.arrived(step) for schedule in self.schedules().values())

    def is_first_call(self, step: int) -> bool:
        """Whether a batch is new: an update may ask for its loss, and others', several times."""
        first, self._last_step = step != self._last_step, step
        return first

    def state_dict(self) -> dict[str, float]:
        """What training has changed, as plain numbers."""
        return {name: getattr(self, name) for name in ("_last_step", *self.state)}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Goes on from what :meth:`state_dict` gave."""
        for name, value in state.items():
            setattr(self, name, value)
