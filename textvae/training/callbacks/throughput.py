"""How fast training is, and how long it has taken."""

__all__ = ["Throughput"]

import time
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from ...types import Batch

EVERY = 10
"""The batches between two readings."""


class Throughput(pl.Callback):
    """Logs target tokens, those a second, and the learning rate; adds up the time over resumes.

    Every step counts with its tokens, also where an update takes several for one batch.
    """

    def __init__(self) -> None:
        self.seconds_before = 0.0
        self.started: float | None = None
        self.before: Tensor | int = 0
        self.since = 0.0

    @property
    def seconds(self) -> float:
        """The time that training has taken, over all resumes, validation included."""
        return self.seconds_before + (time.perf_counter() - self.started if self.started else 0.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.perf_counter()
        self.restart(pl_module)  # a run that is resumed may stand in the middle of an epoch

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.restart(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.restart(pl_module)

    def restart(self, pl_module: pl.LightningModule) -> None:
        """Starts to count anew, so that validation does not count as training."""
        self.before, self.since = pl_module.tokens_seen, time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        i: int,
    ) -> None:
        # Only now and then: to fetch it at every batch would make a GPU wait.
        if (i + 1) % EVERY == 0 or trainer.is_last_batch:
            seen = int(pl_module.tokens_seen)
            speed = (seen - int(self.before)) / (time.perf_counter() - self.since)
            pl_module.log("tokens_per_second", speed)
            pl_module.log("tokens_seen", float(seen))
            pl_module.log("learning_rate", trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds_before, self.started = self.seconds, None

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds_before = state_dict["seconds"]
