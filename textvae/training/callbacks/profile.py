"""Where the time of training goes."""

__all__ = ["Profile"]

import functools
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function
from tqdm import tqdm

PARTS = ("data", "encoder", "decoder", "softmax", "optimiser", "other operations", "waiting")
"""What the time is shared out among. Waiting is for Python, the device, or other processes."""

MARKS = {"enumerate(DataLoader)": "data", "Optimizer.step": "optimiser"}
"""How PyTorch's own ranges begin."""

BACKWARD = "autograd::engine::evaluate_function"


class Profile(pl.Callback):
    """Records some batches of training, writes a trace of them, and says where their time went.

    A backward operation counts where its forward one does. On a GPU, an operation counts with the
    time of its kernels.

    What it records ends with an epoch, since a validation follows.

    Arguments:
        trace: The file for the trace, which chrome://tracing and ui.perfetto.dev show.
        first: The batches that go by before.
        batches: The batches to record.
    """

    def __init__(self, trace: Path, first: int = 5, batches: int = 20) -> None:
        self.trace = trace
        self.first = first
        self.batches = batches
        self.recorder: profile | None = None
        self.since = 0.0
        self.seen = 0
        self.recorded = 0
        self.marks: list[tuple[torch.nn.Module, str]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # An optimiser calls the whole step, of which only the rest is its own.
        self.mark(pl_module, "training_step", "other operations")
        if pl_module.vae.encoder is not None:
            self.mark(pl_module.vae.encoder, "forward", "encoder")
        self.mark(pl_module.vae.decoder, "log_prob", "decoder")

    def mark(self, module: torch.nn.Module, method: str, part: str) -> None:
        """Makes a method a range of that name in a trace."""
        self.marks.append((module, method))
        setattr(module, method, marked(getattr(module, method), part))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any
    ) -> None:
        self.seen += 1
        if self.recorder is not None:
            self.recorded += 1
            # A validation follows the last batch of an epoch.
            if self.recorded == self.batches or trainer.is_last_batch:
                self.finish(pl_module)
        elif not trainer.is_last_batch:
            self.begin(pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.begin(pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.recorder is not None and self.recorded:  # by `max_steps`, before its last batch
            self.finish(pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.unmark()
        if self.recorder is not None:
            self.recorder.stop()
        if not self.recorded:
            tell(f"nothing to tell; the first {self.first} batches of a run go by before")

    def begin(self, pl_module: pl.LightningModule) -> None:
        """Begins to record, once and when it is time."""
        if self.recorder is not None or self.recorded or self.seen < self.first:
            return
        on_gpu = pl_module.device.type == "cuda"
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * on_gpu
        self.recorder = profile(activities=activities, acc_events=True)  # else torch 2.11 warns
        self.recorder.start()
        self.since = time.perf_counter()

    def finish(self, pl_module: pl.LightningModule) -> None:
        """Ends the recording, and tells of it."""
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self.since
        recorder, self.recorder = self.recorder, None
        recorder.stop()
        recorder.export_chrome_trace(str(self.trace))
        self.unmark()
        shares = shared_out(recorder.events(), seconds, pl_module.device.type == "cuda")
        told = ", ".join(f"{part} {shares[part]:.0%}" for part in PARTS)
        count = f"{self.recorded} batch" + "es" * (self.recorded > 1)
        tell(f"{count} of {seconds / self.recorded * 1e3:,.0f} ms: {told}; {self.trace}")

    def unmark(self) -> None:
        """Leaves the methods as they were."""
        while self.marks:
            delattr(*self.marks.pop())


def tell(line: str) -> None:
    """A line on standard error, above a progress bar."""
    tqdm.write(f"profile: {line}", file=sys.stderr)


def marked(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same function, as a range of that name in a trace."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with record_function(name):
            return function(*args, **kwargs)

    return call


def shared_out(events: Iterable[FunctionEvent], seconds: float, on_gpu: bool) -> dict[str, float]:
    """The share of each of :data:`PARTS` in the time of a recording."""
    events = [event for event in events if event.device_type.name == "CPU"]
    forward: dict[tuple[int, int], str] = {}
    for event in sorted(events, key=lambda event: event.time_range.start):
        if event.sequence_nr >= 0 and not _root(event).name.startswith(BACKWARD):
            forward[event.sequence_nr, event.thread] = _part(event)

    times: dict[str, float] = defaultdict(float)
    for event in events:
        root, part = _root(event), _part(event)
        if root.name.startswith(BACKWARD):
            part = forward.get((root.sequence_nr, root.fwd_thread), "other operations")
        spent = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        times[part] += spent / 1e6 / seconds
    times["waiting"] = max(0.0, 1 - sum(times.values()))
    return {part: times[part] for part in PARTS}


def _root(event: FunctionEvent) -> FunctionEvent:
    while event.cpu_parent is not None and not event.name.startswith(BACKWARD):
        event = event.cpu_parent
    return event


def _part(event: FunctionEvent | None) -> str:
    """The innermost range that an operation lies in."""
    while event is not None:
        if event.name in PARTS:
            return event.name
        for mark, part in MARKS.items():
            if event.name.startswith(mark):
                return part
        event = event.cpu_parent
    return "other operations"
