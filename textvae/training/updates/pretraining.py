"""Auto-encoder pre-training."""

__all__ = ["Pretraining"]

import copy
import math
import sys
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from torch import Tensor
from tqdm import tqdm

from ...errors import UsageError
from ...objectives import BetaELBO
from ...schedules import Linear
from ...types import Batch
from ..lr_schedules import all_batches
from .base import Update

if TYPE_CHECKING:
    from ..lit import LitTextVAE

AUTOENCODER = BetaELBO(0.0)


class Pretraining(Update):
    r"""Trains an auto-encoder first; then draws a new decoder and trains by the run's objective.

    At first the loss is the reconstruction alone, whatever the objective, so that the encoder
    learns to write everything into z. A new decoder then meets an encoder that is worth listening
    to. Schedules count batches from the start of the run: a warm-up that should begin with the new
    decoder needs a delay of equal length. Whatever watches a validation metric, such as early
    stopping and the choice of the best model, begins with the new decoder, too.

    References:
        | A Surprisingly Effective Fix for Deep Latent Variable Modeling of Text (Li et al., 2019)
        | https://arxiv.org/abs/1909.00868

    Arguments:
        length: How long to train the auto-encoder, as 10ep, 25% or 13000.
        reset_decoder: Whether the decoder is drawn anew, and not kept.
    """

    def __init__(self, length: str | int = "10ep", reset_decoder: bool = True) -> None:
        self.length = length
        self.reset_decoder = reset_decoder
        self._clock = Linear(length=length)  # what a length means is its affair
        self._fresh: list[tuple[pl.Callback, dict[str, Any]]] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        # Before a checkpoint is read: this is how they all begin.
        self._fresh = [
            (callback, copy.deepcopy(callback.state_dict()))
            for callback in trainer.callbacks
            if getattr(callback, "monitor", None) is not None
        ]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._clock.batches_per_epoch = trainer.num_training_batches
        self._clock.all_batches = all_batches(trainer)
        if self._clock.all_batches is not None and self.end >= self._clock.all_batches:
            raise UsageError(
                f"update: pre-training takes {self.length}, which is the whole training; "
                "shorten --update.length, or raise --trainer.max_epochs"
            )
        pl_module.time_schedules()  # which it does after its callbacks
        for name, schedule in pl_module.objective.schedules().items():
            if trainer.is_global_zero and schedule.arrived(self.end) and not schedule.arrived(0):
                mend = f"let it rise later, by --objective.{name}.middle"
                if hasattr(schedule, "delay"):
                    mend = f"--objective.{name}.delay {self.length} mends it"
                tqdm.write(
                    f"update: objective.{name} has risen before pre-training ends, so that what "
                    f"follows meets it in full; {mend}",
                    file=sys.stderr,
                )

    @property
    def end(self) -> int:
        """The batches of pre-training."""
        return math.ceil(self._clock.batches(self.length))

    def __call__(self, module: "LitTextVAE", batch: Batch) -> Tensor:
        if module.batches_seen < self.end:
            return module.loss(batch, AUTOENCODER)
        if module.batches_seen == self.end:
            self._begin_anew()
            if self.reset_decoder:
                _reset_decoder(module)
        return module.loss(batch)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking and pl_module.batches_seen <= self.end:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """An auto-encoder's bound is none to compare with: whoever watches it forgets it."""
        for callback, state in self._fresh:
            callback.load_state_dict(copy.deepcopy(state))


def _reset_decoder(module: "LitTextVAE") -> None:
    """Draws the decoder anew, as its constructor does, and forgets its optimiser's moments."""
    decoder, trainer = module.vae.decoder, module.trainer
    drawn = type(decoder)(**decoder.init_args).state_dict()
    decoder.load_state_dict(trainer.strategy.broadcast(drawn))
    for optimizer in trainer.optimizers:
        for parameter in decoder.parameters():
            optimizer.state.pop(parameter, None)
