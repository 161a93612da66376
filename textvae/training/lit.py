"""Training under Lightning."""

__all__ = ["LitTextVAE"]

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from ..errors import TrainingError
from ..objectives import Objective
from ..types import Batch, Terms
from ..vae import SentenceVAE
from .callbacks import CalibrateBatchNorm
from .lr_schedules import LRSchedule, all_batches
from .updates import Update


class LitTextVAE(pl.LightningModule):
    """A model, what it descends, and how.

    Arguments:
        vae: The model.
        objective: From terms to loss.
        update: Which parameters a batch moves.
        optimizer: From parameters to an optimiser.
        lr_schedule: What sets the learning rate.
    """

    def __init__(
        self,
        vae: SentenceVAE,
        objective: Objective,
        update: Update,
        optimizer: Callable[[Iterable], Optimizer],
        lr_schedule: LRSchedule,
    ) -> None:
        super().__init__()

        self.vae = vae
        self.objective = objective
        self.update = update
        self.make_optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.automatic_optimization = not update.manual
        self.batches_seen = 0
        self._rng: dict[str, Any] | None = None

    def configure_optimizers(self) -> Optimizer:
        return self.make_optimizer(self.vae.parameters())

    def configure_callbacks(self) -> list[pl.Callback]:
        return [self.lr_schedule, CalibrateBatchNorm()]

    def on_train_start(self) -> None:
        for schedule in self.objective.schedules().values():
            schedule.batches_per_epoch = self.trainer.num_training_batches
            schedule.all_batches = all_batches(self.trainer)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if self._rng is not None:
            _set_rng(self._rng)
            self._rng = None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        loss = self.update(self, batch)
        # Here, and not in a hook at the batch's end: callbacks that save there come before ours.
        self.batches_seen += 1
        return loss

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a training batch, logged with its parts.

        Raises:
            TrainingError: If it is not a finite number.
        """
        terms = self.vae(batch, self.objective.num_samples, self.objective.stop_score)
        loss = self.objective(terms, self.batches_seen)
        if not torch.isfinite(loss):
            raise TrainingError(self._not_finite(loss))
        self.log("loss", loss, prog_bar=True, batch_size=len(batch))
        self.log("kl", terms.kl.mean(), prog_bar=True, batch_size=len(batch))
        for name, schedule in self.objective.schedules().items():
            self.log(name, schedule(self.batches_seen))
        return loss

    def _not_finite(self, loss: Tensor, name: str = "loss") -> str:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        return (
            f"The {name} is {loss.item()} in epoch {self.current_epoch}, batch "
            f"{self.batches_seen}, optimiser step {self.global_step}, at learning rate {rate:g}; "
            f"a lower --optimizer.lr or --trainer.gradient_clip_val 5 usually mends it."
        )

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        # The same draws at every validation, and none taken from training's.
        with torch.random.fork_rng(self._cuda_devices()):
            torch.manual_seed(batch_idx)
            terms = self.vae(batch)
        self._log_validation(terms, len(batch))

    def _log_validation(self, terms: Terms, size: int) -> None:
        reconstruction = -terms.log_px_z.mean(dim=0)  # (B,)
        values = {
            "valid_nll_elbo": reconstruction + terms.kl,
            "valid_reconstruction": reconstruction,
            "valid_kl": terms.kl,
        }
        for name, value in values.items():
            shown = name == "valid_nll_elbo"
            self.log(name, value.mean(), prog_bar=shown, batch_size=size, sync_dist=True)
        loss = values["valid_nll_elbo"].mean()
        if not self.trainer.sanity_checking and not torch.isfinite(loss):
            # Before a checkpoint of these weights takes the place of a good one.
            raise TrainingError(self._not_finite(loss, "validation loss"))

    def _cuda_devices(self) -> list[torch.device]:
        return [self.device] if self.device.type == "cuda" else []

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches_seen"] = self.batches_seen
        checkpoint["rng"] = _get_rng()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.batches_seen = checkpoint["batches_seen"]
        # Set at the first batch: Lightning draws numbers of its own before that.
        self._rng = checkpoint["rng"]


def _get_rng() -> dict[str, Any]:
    rng = {"cpu": torch.get_rng_state()}
    return {**rng, "cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else rng


def _set_rng(rng: dict[str, Any]) -> None:
    torch.set_rng_state(rng["cpu"].cpu())
    if "cuda" in rng and torch.cuda.is_available():
        torch.cuda.set_rng_state(rng["cuda"].cpu())
