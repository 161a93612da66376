"""What training shows while it runs."""

__all__ = ["Progress"]

import sys
import time
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

DURING = {"loss": "loss {:.2f}", "kl": "KL {:.2f}", "tokens_per_second": "{:,.0f} tokens/s"}
AFTER = {
    "valid_nll_elbo": "valid_nll_elbo {:.2f}",
    "valid_kl": "valid_kl {:.2f}",
    "tokens_per_second": "{:,.0f} tokens/s",
}
"""The metrics to show within an epoch and after it, and how."""


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
                self.bar.set_postfix_str(self.metrics(trainer, DURING))
        elif time.monotonic() - self.spoken > self.silence:
            share = done / trainer.num_training_batches
            self.say(f"{self.epoch(trainer)}, {share:.0%}: {self.metrics(trainer, DURING)}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.close()
        self.say(f"{self.epoch(trainer)}: {self.metrics(trainer, AFTER)}")

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the bar away."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def say(self, line: str) -> None:
        """Prints a line."""
        print(line, file=sys.stderr, flush=True)
        self.spoken = time.monotonic()

    @staticmethod
    def epoch(trainer: pl.Trainer) -> str:
        """Which epoch it is, counted from 1."""
        return f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"

    @staticmethod
    def metrics(trainer: pl.Trainer, shown: dict[str, str]) -> str:
        """The newest of some metrics."""
        found = trainer.callback_metrics
        return "  ".join(
            form.format(float(found[name])) for name, form in shown.items() if name in found
        )
