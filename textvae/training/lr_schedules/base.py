"""Learning-rate schedules."""

__all__ = ["LRSchedule"]

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
