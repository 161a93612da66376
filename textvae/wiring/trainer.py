"""Lightning's trainer, as a run needs it."""

__all__ = ["make_trainer"]

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from ..errors import UsageError
from ..runs import Run
from ..training.callbacks import CollapseDoctor, InterruptAtBatchEnd, Profile, Progress, Throughput
from .checkpoints import WholeFiles
from .logger import RunLogger
from .parser import construct
from .processes import check_precision, is_first, settle_processes

MONITOR = "valid_loss"
"""What the best checkpoint is lowest in."""


def make_trainer(
    options: dict[str, Any], run: Run, clock: Throughput, profile: bool = False
) -> pl.Trainer:
    """Lightning's trainer with the user's options and our callbacks.

    Arguments:
        options: The user's.
        run: The folder.
        clock: What adds up the time.
        profile: Whether to write a trace and say where the time goes.

    Raises:
        UsageError: If the options contradict each other or the machine.
    """
    settle_processes(options)
    callbacks = callbacks_of(options, run, clock, profile)
    try:
        trainer = construct(
            pl.Trainer,
            **options,
            callbacks=callbacks,
            logger=RunLogger(run),
            plugins=[WholeFiles()],
            default_root_dir=run.folder,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise UsageError(f"trainer: {error}") from error
    check_precision(trainer, options["precision"])
    return trainer


def callbacks_of(
    options: dict[str, Any], run: Run, clock: Throughput, profile: bool
) -> list[pl.Callback]:
    """The user's callbacks, which leave the options, and ours, of which checkpoints come last."""
    callbacks = options.pop("callbacks") or []
    callbacks = [*callbacks] if isinstance(callbacks, list) else [callbacks]
    if options.pop("enable_progress_bar") is not False and is_first():
        callbacks.append(Progress())
    if not any(isinstance(callback, CollapseDoctor) for callback in callbacks):
        callbacks.append(CollapseDoctor())
    if profile and is_first():
        callbacks.append(Profile(run.folder / "trace.json"))
    places = {"dirpath": run.checkpoints, "enable_version_counter": False}
    return [
        *callbacks,
        clock,
        InterruptAtBatchEnd(run.checkpoints / "last.ckpt"),
        ModelCheckpoint(filename="best", monitor=MONITOR, **places),
        ModelCheckpoint(filename="last", every_n_epochs=1, **places),
    ]
