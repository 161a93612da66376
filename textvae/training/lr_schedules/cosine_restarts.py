"""Cosine decay that starts again."""

__all__ = ["CosineRestarts"]

import math

import pytorch_lightning as pl

from .base import LRSchedule


class CosineRestarts(LRSchedule):
    """Lowers the rate along half a cosine, epoch by epoch, and starts again at every cycle.

    References:
        | SGDR: Stochastic Gradient Descent with Warm Restarts (Loshchilov & Hutter, 2017)
        | https://arxiv.org/abs/1608.03983

    Arguments:
        period: The epochs of a cycle.
    """

    def __init__(self, period: int = 10) -> None:
        if period < 1:
            raise ValueError(f"'period' must be at least 1, got {period}.")
        self.period = period

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        gone = trainer.current_epoch % self.period / self.period
        self.scale(trainer, 0.5 * (1 + math.cos(math.pi * gone)))
