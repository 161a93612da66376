"""Warm-up, then decay."""

__all__ = ["WarmupDecay"]

import math
from typing import Any, Literal

import pytorch_lightning as pl

from ...errors import UsageError
from .base import LRSchedule, all_batches


class WarmupDecay(LRSchedule):
    """Raises the rate in a straight line from 0, then lowers it to 0 at the end of training.

    Arguments:
        warmup: The share of the batches that warm up.
        constant: The share that follows at the full rate.
        decay: How the rate falls after that: linear or cosine.
    """

    def __init__(
        self,
        warmup: float = 0.02,
        constant: float = 0.0,
        decay: Literal["linear", "cosine"] = "cosine",
    ) -> None:
        if min(warmup, constant) < 0 or warmup + constant >= 1:
            raise ValueError(
                f"'warmup' and 'constant' are shares that leave some for the decay, "
                f"got {warmup} and {constant}."
            )
        self.warmup = warmup
        self.constant = constant
        self.decay = decay

    def factor(self, done: float) -> float:
        """The rate as a share of the full one, when a share `done` of the batches is done."""
        if done < self.warmup:
            return done / self.warmup
        start = self.warmup + self.constant
        left = 1 - min(1.0, max(0.0, (done - start) / (1 - start)))
        return left if self.decay == "linear" else 0.5 * (1 - math.cos(math.pi * left))

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # Half of the batch that begins counts as done: the first one moves, and the last one too.
        self.scale(
            trainer, self.factor((pl_module.batches_seen + 0.5) / self._all_batches(trainer))
        )

    @staticmethod
    def _all_batches(trainer: pl.Trainer) -> int:
        if (found := all_batches(trainer)) is None:
            raise UsageError(
                "WarmupDecay lowers the rate to the end of training, which is not known; "
                "set --trainer.max_epochs, or take --lr_schedule ConstantRate"
            )
        return found
