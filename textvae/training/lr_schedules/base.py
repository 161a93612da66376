"""Learning-rate schedules."""

__all__ = ["LRSchedule", "all_batches"]

import abc

import pytorch_lightning as pl

from ...component import Component


class LRSchedule(Component, pl.Callback, abc.ABC):
    """Abstract learning-rate schedule: a callback that sets the rates of the optimisers.

    To add one, override the hooks of a Lightning callback and call :meth:`scale`; what must
    survive a resume goes into `state_dict`.
    """

    @staticmethod
    def scale(trainer: pl.Trainer, factor: float) -> None:
        """Sets every learning rate to `factor` times the one the optimiser was built with."""
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
                group["lr"] = group["initial_lr"] * factor


def all_batches(trainer: pl.Trainer) -> int | None:
    """The batches of the whole training, however its end is given; None where it is not."""
    ends = []
    if trainer.max_epochs not in (None, -1):
        ends.append(trainer.max_epochs * trainer.num_training_batches)
    if trainer.max_steps != -1:
        ends.append(trainer.max_steps * trainer.accumulate_grad_batches)
    return min(ends, default=None)
