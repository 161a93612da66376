"""Ctrl-C and SIGTERM: training ends between two batches, with a checkpoint."""

__all__ = ["Interrupted", "InterruptAtBatchEnd"]

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl


class Interrupted(Exception):
    """Training was told to end, and a checkpoint was written from which it resumes exactly."""


class InterruptAtBatchEnd(pl.Callback):
    """Answers the first Ctrl-C or SIGTERM after the batch under way, and the second at once.

    In the middle of a batch the counters of the loop and the state of the generators do not
    belong together, and a run resumed from there would differ.

    Arguments:
        checkpoint: The file to write.

    Raises:
        Interrupted: From training, once the checkpoint is written.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.received = False
        self.before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Python takes handlers in the main thread only. Lightning's own for SIGTERM stand by now.
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.note) for number in self.SIGNALS}

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler: remembers the signal, and makes way for the next."""
        self.received = True
        self.restore()

    def restore(self) -> None:
        """Puts back the handlers that stood before."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any
    ) -> None:
        # A validation follows the last batch of an epoch; a run resumed from before it has none.
        if not trainer.is_last_batch:
            self._end(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end(trainer)

    def _end(self, trainer: pl.Trainer) -> None:
        # A signal reaches all processes of a run, or one, and not in the same batch.
        if trainer.strategy.reduce_boolean_decision(self.received, all=False):
            trainer.save_checkpoint(self.checkpoint, weights_only=False)
            raise Interrupted

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.restore()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self.restore()
