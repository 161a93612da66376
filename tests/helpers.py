"""What several test files need."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl


def quiet_trainer(folder: Path, **options: Any) -> pl.Trainer:
    """A trainer on a processor that keeps nothing and draws nothing, but for what is asked."""
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return pl.Trainer(default_root_dir=folder, accelerator="cpu", **quiet | options)


def leaves(base: type) -> list[type[Any]]:
    """The concrete subclasses of `base` in its package: what a contract test runs over.

    Every module of the package is imported first, so that a new leaf needs no entry anywhere.
    """
    package = importlib.import_module(base.__module__.rpartition(".")[0])
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    found = {
        cls
        for cls in _subclasses(base)
        if not inspect.isabstract(cls) and cls.__module__.startswith(f"{package.__name__}.")
    }
    return sorted(found, key=lambda cls: cls.__name__)


def _subclasses(base: type) -> Iterator[type]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)
