"""The benchmark's schedule: halve when validation stops improving."""

__all__ = ["PlateauHalving"]

import copy
from typing import Any

import pytorch_lightning as pl

from .base import LRSchedule


class PlateauHalving(LRSchedule):
    """Halves the rate on a plateau, from the best weights so far; a last halving ends training.

    A plateau is where epochs are no better than the best of all. The code of the paper compares
    with the best since the last halving, the epoch that led to it included, and so halves later;
    `since_halving` does as the code.

    References:
        | Lagging Inference Networks and Posterior Collapse (He et al., 2019), appendix B.2
        | https://arxiv.org/abs/1901.05534

    Arguments:
        monitor: The validation metric that should fall.
        patience: The epochs without improvement that make a plateau.
        start_epoch: The first epoch, from 0, that may halve; the benchmark's is 15.
        factor: What a halving multiplies the rate by.
        max_decays: The halving that ends training, as in the paper's code.
        reload_best: Whether a halving goes back to the best weights.
        last_patience: The epochs without improvement that end training once the rate is at its
            lowest; `patience` if None.
        since_halving: Whether an epoch must only be as good as the best since the last halving,
            the epoch that led to it included. Halvings go back to the best of all either way.
    """

    def __init__(
        self,
        monitor: str = "valid_loss",
        patience: int = 2,
        start_epoch: int = 15,
        factor: float = 0.5,
        max_decays: int = 5,
        reload_best: bool = True,
        last_patience: int | None = None,
        since_halving: bool = False,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"'factor' must lie between 0 and 1, got {factor}.")
        self.monitor = monitor
        self.patience = patience
        self.start_epoch = start_epoch
        self.factor = factor
        self.max_decays = max_decays
        self.reload_best = reload_best
        self.last_patience = patience if last_patience is None else last_patience
        self.since_halving = since_halving
        self.best = float("inf")
        self.best_since = float("inf")  # the last halving
        self.best_weights: dict[str, Any] | None = None
        self.bad_epochs = 0
        self.decays = 0

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        value = trainer.callback_metrics[self.monitor].item()
        better = value < self.best
        if better:
            self.best = value
            if self.reload_best:
                self.best_weights = copy.deepcopy(pl_module.state_dict())
        if better or (self.since_halving and value <= self.best_since):
            self.best_since = value
            self.bad_epochs = 0
            return
        self.bad_epochs += 1
        lowest = self.decays >= self.max_decays - 1
        patience = self.last_patience if lowest else self.patience
        if self.bad_epochs >= patience and trainer.current_epoch >= self.start_epoch:
            self.best_since = value
            self._decay(trainer, pl_module)

    def _decay(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bad_epochs = 0
        self.decays += 1
        if self.decays >= self.max_decays:
            trainer.should_stop = True
            return
        self.scale(trainer, self.factor**self.decays)
        if self.best_weights is not None:
            pl_module.load_state_dict(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_since": self.best_since,
            "best_weights": self.best_weights,
            "bad_epochs": self.bad_epochs,
            "decays": self.decays,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_since = state_dict["best"]  # of a checkpoint from before there was one
        for name, value in state_dict.items():
            setattr(self, name, value)
