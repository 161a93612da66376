"""report.json: the evaluation of a model, and where it comes from."""

__all__ = ["provenance", "write_report"]

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ..metrics import Evaluation
from ..nn.distributed import world_size
from ..runs import write_json

MORE = ("epoch", "probe", "probe_accuracy")
"""What a report says that no evaluation knows: the epoch of the model, from 1, and of labels."""

PACKAGES = ("textvae", "torch", "pytorch-lightning", "transformers", "datasets", "numpy")


def write_report(
    path: Path,
    evaluation: Evaluation,
    seconds: dict[str, float],
    doctor: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
) -> None:
    """Writes a report, which keeps of earlier work what it does not know itself, and beside it the
    numbers of each sentence: sentences.json beside report.json.

    Arguments:
        path: The file.
        evaluation: The numbers with their protocol.
        seconds: The wall time of each part of the work.
        doctor: What the collapse doctor says of the training, where that is what has ended. Where
            it was done is then kept under ``training``, whoever evaluates the model later.
        more: Some of :data:`MORE`.
    """
    before, here = earlier(path), provenance()
    training = here if doctor else before.get("training")
    times = before.get("seconds", {}) | {name: round(value, 1) for name, value in seconds.items()}
    doctor = doctor or before.get("doctor")
    told = {**evaluation.to_dict(), "doctor": doctor, "seconds": times}
    told |= {name: before[name] for name in MORE if name in before} | (more or {})
    single = {k: [round(v, 4) for v in values] for k, values in evaluation.of_sentences.items()}
    write_json(path.with_name(path.name.replace("report", "sentences", 1)), single)
    write_json(path, {**told, **here, **({"training": training} if training else {})})


def earlier(path: Path) -> dict[str, Any]:
    """The report that stands there, if one does."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def provenance() -> dict[str, Any]:
    """Versions, git revision and hardware, as plain data."""
    return {
        "versions": {"python": platform.python_version(), **installed()},
        "git_revision": git_revision(),
        "hardware": {
            "platform": platform.platform(),
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
            "threads": torch.get_num_threads(),
            "processes": world_size(),
            "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        },
    }


def installed() -> dict[str, str]:
    """The version of each package that results depend on, where it is installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {"torch": str(torch.__version__)}  # which says what build it is, too


def git_revision() -> str | None:
    """The commit of the checkout that runs, with a plus if it has changes; None if installed."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        commands = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        revision, changes = (
            subprocess.run(
                ["git", "-C", str(folder), *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return revision + "+" * bool(changes)


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
