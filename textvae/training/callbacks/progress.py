"""What training shows while it runs."""

__all__ = ["Progress"]

import sys
import time
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

SHOWN = {
    "loss": "loss {:.2f}",
    "kl": "KL {:.2f}",
    "tokens_per_second": "{:,.0f} tokens/s",
    "valid_nll_elbo": "valid_nll_elbo {:.2f}",
}
"""The metrics to show and how, in order."""


class Progress(pl.Callback):
    """On standard error: a bar for each epoch on a terminal, plain lines in a log.

    Arguments:
        silence: How many seconds a log stays silent within an epoch.
    """

    def __init__(self, silence: float = 60.0) -> None:
        self.silence = silence
        self.spoken = 0.0
        self.bar: tqdm | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.spoken = time.monotonic()
        if sys.stderr.isatty():
            self.bar = tqdm(
                total=trainer.num_training_batches,
                desc=self.epoch(trainer),
                file=sys.stderr,
                leave=False,
                dynamic_ncols=True,
                bar_format="{desc} {percentage:3.0f} %|{bar}| {remaining}{postfix}",
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any
    ) -> None:
        done = trainer.fit_loop.epoch_loop.batch_progress.current.processed
        if self.bar is not None:
            # Only where the bar is drawn: to read the metrics makes a GPU wait.
            if self.bar.update(done - self.bar.n):
                self.bar.set_postfix_str(self.metrics(trainer))
        elif time.monotonic() - self.spoken > self.silence:
            self.say(f"{self.epoch(trainer)}, {done / trainer.num_training_batches:.0%}", trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.close()
        self.say(self.epoch(trainer), trainer)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the bar away."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def say(self, where: str, trainer: pl.Trainer) -> None:
        """Prints a line."""
        print(f"{where}: {self.metrics(trainer)}", file=sys.stderr, flush=True)
        self.spoken = time.monotonic()

    @staticmethod
    def epoch(trainer: pl.Trainer) -> str:
        """Which epoch it is, counted from 1."""
        return f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"

    @staticmethod
    def metrics(trainer: pl.Trainer) -> str:
        """The newest metrics."""
        found = trainer.callback_metrics
        return "  ".join(
            form.format(float(found[name])) for name, form in SHOWN.items() if name in found
        )
