"""Training under Lightning."""

__all__ = ["LitTextVAE"]

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn as nn
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer
from torchmetrics import MeanMetric

from ..errors import TrainingError, UsageError
from ..nn.distributed import gather_objects, rank, world_size
from ..objectives import Objective
from ..types import Batch, Terms
from ..vae import SentenceVAE
from .callbacks import CalibrateBatchNorm, Patience
from .lr_schedules import LRSchedule, all_batches
from .sharing import share_terms
from .updates import Update

VALIDATED = ("valid_nll_elbo", "valid_reconstruction", "valid_kl")
"""The means over the sentences of a validation, in nats."""


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
        self.tokens_seen: Tensor | int = 0  # those of every step, several for one batch included
        self._clipping: dict[str, Any] = {}
        self._held: Iterable[Parameter] = ()
        self._rng: dict[str, Any] | None = None
        # Lightning's own means over processes are wrong where these have different numbers.
        self.validated = nn.ModuleDict({name: MeanMetric("disable") for name in VALIDATED})

    def configure_optimizers(self) -> Optimizer:
        optimizer = self.make_optimizer(_groups(self.vae))
        for group in optimizer.param_groups:
            if group["lr"] is None:
                kind = type(optimizer).__name__
                raise UsageError(f"optimizer: {kind} is given no rate; set --optimizer.lr")
            group["lr"] = group["lr"] * group.pop("lr_scale")
        return optimizer

    def configure_callbacks(self) -> list[pl.Callback]:
        if self.update.manual:
            self._take_over(self.trainer)
        return [self.lr_schedule, self.update, CalibrateBatchNorm(), Patience()]

    def _take_over(self, trainer: pl.Trainer) -> None:
        """Does what a trainer refuses to do where an update steps by itself."""
        if trainer.accumulate_grad_batches != 1:
            raise UsageError(
                f"trainer.accumulate_grad_batches: {type(self.update).__name__} steps at every "
                "batch; take 1, and a larger --data.batch_size"
            )
        if trainer.gradient_clip_val is not None:
            self._clipping = {
                "gradient_clip_val": trainer.gradient_clip_val,
                "gradient_clip_algorithm": trainer.gradient_clip_algorithm or "norm",
            }
            trainer.gradient_clip_val = None

    def time_schedules(self) -> None:
        """Tells the schedules of the objective how long training is."""
        for schedule in self.objective.schedules().values():
            schedule.batches_per_epoch = self.trainer.num_training_batches
            schedule.all_batches = all_batches(self.trainer)

    def on_train_start(self) -> None:
        self.time_schedules()
        if world_size() > 1 and self._rng is None:
            # Lightning has seeded all processes alike, and so they would drop the same words.
            torch.manual_seed(torch.initial_seed() + 1 + rank())

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if self._rng is not None:
            _set_rng(self._rng)
            self._rng = None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        loss = self.update(self, batch)
        # Here, and not in a hook at the batch's end: callbacks that save there come before ours.
        self.batches_seen += 1
        return loss

    def descend(
        self, batch: Batch, held: Iterable[Parameter] = (), counted: bool = True
    ) -> Tensor:
        """Takes one step on a batch, where an update steps by itself.

        Arguments:
            batch: The batch.
            held: The parameters that stay where they are. Gradients are clipped with theirs.
            counted: Whether it is the one step of a batch that the trainer counts.

        Returns:
            The loss before the step.
        """
        optimizer, found = self.optimizers(), torch.tensor(torch.nan)

        def closure() -> Tensor:
            nonlocal found
            optimizer.zero_grad()
            loss = self.loss(batch)
            self.manual_backward(loss)
            found = loss.detach()
            return found

        self._held = held
        # Neither returns the loss where it is scaled for half precision.
        if counted:
            optimizer.step(closure)
        else:
            self.trainer.strategy.optimizer_step(optimizer.optimizer, closure, model=self)
        return found

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # Here gradients are summed over processes and no longer scaled for half precision.
        if self.update.manual:
            if self._clipping:
                self.configure_gradient_clipping(optimizer, **self._clipping)
            for parameter in self._held:
                parameter.grad = None

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        plugin = self.trainer.precision_plugin
        limit = gradient_clip_val or 0.0, gradient_clip_algorithm or "norm"
        if getattr(plugin, "scaler", None) is None:
            # As in bf16, where Lightning refuses a fused optimiser though nothing is scaled.
            Precision.clip_gradients(plugin, optimizer, *limit)
        else:
            plugin.clip_gradients(optimizer, *limit)

    def loss(self, batch: Batch, objective: Objective | None = None) -> Tensor:
        """The loss of a training batch, logged with its parts.

        Where several processes share the batch, it is that of all its sentences, in each of them.

        Arguments:
            batch: The batch.
            objective: What to descend instead of the run's own.

        Raises:
            TrainingError: If it is not a finite number.
        """
        objective = objective or self.objective
        terms = share_terms(self.vae(batch, objective.num_samples, objective.stop_score))
        loss = objective(terms, self.batches_seen)
        self.tokens_seen = self.tokens_seen + terms.num_tokens.sum()
        if not torch.isfinite(loss):
            raise TrainingError(self._not_finite(loss))
        size = len(terms.num_tokens)
        self.log("loss", loss, prog_bar=True, batch_size=size)
        self.log("kl", terms.kl.mean(), prog_bar=True, batch_size=size)
        for name, value in self.objective.weights(self.batches_seen).items():
            self.log(name, value)
        # Each process has a part of the gradient. Their sum is wanted; DDP takes the mean.
        return loss if world_size() == 1 else loss + (world_size() - 1) * (loss - loss.detach())

    def _not_finite(self, loss: Tensor, name: str = "loss") -> str:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        return (
            f"The {name} is {loss.item()} in epoch {self.current_epoch}, batch "
            f"{self.batches_seen}, optimiser step {self.global_step}, at learning rate {rate:g}; "
            f"a lower --optimizer.lr or --trainer.gradient_clip_val 5 usually mends it."
        )

    def validation_step(self, batch: Batch, batch_idx: int) -> Terms:
        # The same draws at every validation, and none taken from training's.
        with torch.random.fork_rng(self._cuda_devices()):
            torch.manual_seed(batch_idx * world_size() + rank())
            terms = self.vae(batch)
        self._log_validation(terms)
        return terms

    def _log_validation(self, terms: Terms) -> None:
        reconstruction = -terms.log_px_z.mean(dim=0)  # (B,)
        values = {
            "valid_nll_elbo": reconstruction + terms.kl,
            "valid_reconstruction": reconstruction,
            "valid_kl": terms.kl,
        }
        for name, value in values.items():
            self.validated[name].update(value)
            self.log(name, self.validated[name], prog_bar=name == "valid_nll_elbo")
        loss = values["valid_nll_elbo"].mean()
        if not self.trainer.sanity_checking and not torch.isfinite(loss):
            # Before a checkpoint of these weights takes the place of a good one.
            raise TrainingError(self._not_finite(loss, "validation loss"))

    def on_validation_epoch_end(self) -> None:
        # What a model is chosen by. To spend less on z than the objective asks for is no gain, or
        # the best model of a run could be one from before its divergence had risen.
        bound, kl = (self.validated[name].compute() for name in ("valid_nll_elbo", "valid_kl"))
        self.log("valid_loss", bound + ((self.objective.rate or 0.0) - kl).clamp(min=0))

    def _cuda_devices(self) -> list[torch.device]:
        return [self.device] if self.device.type == "cuda" else []

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches_seen"] = self.batches_seen
        checkpoint["objective"] = self.objective.state_dict()
        checkpoint["tokens_seen"] = int(self.tokens_seen)
        checkpoint["rng"] = gather_objects(_get_rng())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.batches_seen = checkpoint["batches_seen"]
        self.objective.load_state_dict(checkpoint.get("objective", {}))
        self.tokens_seen = checkpoint.get("tokens_seen", 0)
        # Set at the first batch: Lightning draws numbers of its own before that.
        # Other processes than then have none to go on with.
        states = checkpoint["rng"]
        self._rng = states[rank()] if len(states) == world_size() else None


def _groups(vae: SentenceVAE) -> list[dict[str, Any]]:
    """The parameters by the shares of the learning rate that they take."""
    shares = vae.decoder.lr_scales() | (vae.encoder.lr_scales() if vae.encoder else {})
    found: dict[float, list[Parameter]] = {1.0: []}  # first, since its rate is the one to tell
    for parameter in vae.parameters():
        found.setdefault(shares.get(parameter, 1.0), []).append(parameter)
    return [{"params": own, "lr_scale": share} for share, own in found.items() if own]


def _get_rng() -> dict[str, Any]:
    rng = {"cpu": torch.get_rng_state()}
    return {**rng, "cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else rng


def _set_rng(rng: dict[str, Any]) -> None:
    torch.set_rng_state(rng["cpu"].cpu())
    if "cuda" in rng and torch.cuda.is_available():
        torch.cuda.set_rng_state(rng["cuda"].cpu())
