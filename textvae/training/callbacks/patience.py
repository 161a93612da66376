"""Patience that does not run out while the objective is still changing."""

__all__ = ["Patience"]

import pytorch_lightning as pl


class Patience(pl.Callback):
    """Counts no epoch for early stopping while a weight of the objective is on its way.

    While the weight of the divergence is under its end, the divergence may grow, and with it the
    bound that is watched, though nothing is wrong. The best model so far is kept all the same.
    """

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or pl_module.objective.arrived(pl_module.batches_seen):
            return
        for callback in trainer.early_stopping_callbacks:
            callback.wait_count = -1  # which this validation makes 0
