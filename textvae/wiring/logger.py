"""The training curves of a run: metrics.csv and TensorBoard events, both beside config.yaml."""

__all__ = ["RunLogger"]

import csv
import time
from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter

from ..runs import Run, replacing

PAUSE = 10.0
"""The seconds between two writes of the whole table."""


class RunLogger(Logger):
    """Logs to the folder of a run, and goes on where a resumed run stopped.

    Arguments:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.rows: list[dict[str, float | str]] = []
        self.columns = ["epoch", "step"]
        self.writer: SummaryWriter | None = None
        self.saved = 0.0
        if run.metrics.is_file():
            with run.metrics.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                self.columns = list(reader.fieldnames or self.columns)
                self.rows = [{k: v for k, v in row.items() if v} for row in reader]

    @property
    def name(self) -> str:
        return self.run.folder.name

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        step = int(step or 0)
        # What came after the checkpoint that a run resumes from did not happen.
        while self.rows and int(self.rows[-1]["step"]) > step:
            self.rows.pop()
        row = {name: float(value) for name, value in metrics.items()}
        self.columns += [name for name in row if name not in self.columns]
        self.rows.append({**row, "epoch": int(row.get("epoch", 0)), "step": step})

        if self.writer is None:
            self.writer = SummaryWriter(str(self.run.folder), purge_step=step)
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Does nothing: config.yaml has them all."""

    @rank_zero_only
    def save(self) -> None:
        if time.monotonic() - self.saved > PAUSE:
            self.write()

    def write(self) -> None:
        """Writes metrics.csv, whole."""
        self.saved = time.monotonic()
        if self.rows:
            with replacing(self.run.metrics) as file:
                table = csv.DictWriter(file, self.columns)
                table.writeheader()
                table.writerows(self.rows)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.write()
        if self.writer is not None:
            self.writer.close()
            self.writer = None
