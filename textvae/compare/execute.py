"""Running what a comparison needs: what is finished is not repeated, what fails stops nothing."""

__all__ = ["Failures", "execute", "first_line"]

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import torch

from ..console import note
from ..errors import TrainingError, UsageError
from ..runs import write_text
from ..training.callbacks import Interrupted
from ..wiring.parser import dump
from ..wiring.train import train
from .plan import Plan, Task

Failures = dict[tuple[str, int], str]
"""What went wrong with the runs that have no results, in one line, by method and seed."""

RUNNING: set[subprocess.Popen] = set()
"""The processes of runs that are under way."""

STOPPED = 130
"""The exit code of a run that was interrupted and can go on."""


class Progress:
    """Says which run begins and which has ended.

    Arguments:
        tasks: How many runs there are.
    """

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        self.begun = 0

    def begin(self, task: Task) -> None:
        """A run begins."""
        self.begun += 1
        again = ", where it stopped" if task.run.folder.exists() else ""
        note(f"[{self.begun}/{self.tasks}] {task.method}, seed {task.seed}{again}")

    @staticmethod
    def fail(task: Task, reason: str) -> None:
        """A run has failed."""
        note(f"{task.method}, seed {task.seed}, failed: {reason}; the others go on")


def execute(plan: Plan, jobs: int = 1) -> Failures:
    """Trains and evaluates all that is not finished.

    One at a time happens in this process. Several at once, or a run on several devices, are
    processes of their own, which write what they say into the folder ``logs``.

    Arguments:
        plan: The comparison.
        jobs: How many to run at once.

    Raises:
        Interrupted: If the user stopped it; what was under way can go on.
    """
    todo = [task for task in plan.tasks if not task.finished]
    if done := len(plan.tasks) - len(todo):
        note(f"{done} of {len(plan.tasks)} runs are finished already")
    progress = Progress(len(todo))
    here = jobs == 1 and not any(wants_processes(task) for task in todo)

    def attempt(task: Task) -> str | None:
        progress.begin(task)
        reason = train_here(task) if here else train_apart(task, plan.folder / "logs", jobs)
        if reason is not None:
            progress.fail(task, reason)
        return reason

    reasons = map(attempt, todo) if here else at_once(attempt, todo, jobs)
    told = zip(todo, reasons, strict=True)
    return {(task.method, task.seed): reason for task, reason in told if reason}


def wants_processes(task: Task) -> bool:
    """Whether Lightning may start processes of its own, which repeat the command line."""
    devices, nodes = task.config.trainer.devices, task.config.trainer.num_nodes
    alone = str(devices) == "1" or (devices == "auto" and torch.cuda.device_count() < 2)
    return nodes > 1 or not alone


def train_here(task: Task) -> str | None:
    """Trains in this process; returns what went wrong, if anything."""
    try:
        train(task.config, task.run, resume=task.run.folder.exists())
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:  # whatever it is, the other methods are not to blame
        if os.environ.get("TEXTVAE_DEBUG") == "1":
            traceback.print_exc()
        return first_line(error)
    return None


def train_apart(task: Task, logs: Path, jobs: int) -> str | None:
    """Trains in a process of its own; returns what went wrong, if anything."""
    logs.mkdir(exist_ok=True)
    asked, log = logs / f"{task.run.folder.name}.yaml", logs / f"{task.run.folder.name}.log"
    write_text(asked, dump(task.config))
    place = [
        "--resume" if task.run.config.is_file() else "--name",
        str(task.run.folder.absolute()),
    ]
    command = [sys.executable, "-m", "textvae", "train", "--config", str(asked), *place]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    with log.open("a", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    RUNNING.add(process)
    code = process.wait()
    RUNNING.discard(process)
    if code == STOPPED:
        raise Interrupted
    if code == 0:
        return None
    lines = log.read_text(encoding="utf-8").splitlines() or [""]
    told = lines[-1].removeprefix("textvae train: ")
    return f"{told} ({log})" if code > 0 else f"the process was killed by signal {-code} ({log})"


def at_once(
    attempt: Callable[[Task], str | None], todo: list[Task], jobs: int
) -> list[str | None]:
    """Several attempts at once. At Ctrl-C or SIGTERM none begins, and those under way stop where
    they can go on."""
    before = signal.signal(signal.SIGTERM, stop)
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(attempt, task) for task in todo]
        try:
            return [future.result() for future in futures]
        except (Interrupted, KeyboardInterrupt):
            pool.shutdown(cancel_futures=True)
            raise Interrupted from None
        finally:
            signal.signal(signal.SIGTERM, before)


def stop(number: int, frame: FrameType | None) -> None:
    """Passes SIGTERM on, which a terminal's Ctrl-C does by itself."""
    for process in tuple(RUNNING):
        process.terminate()
    raise KeyboardInterrupt


def first_line(error: Exception) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    known = isinstance(error, (UsageError, TrainingError)) and text
    return text if known else f"{type(error).__name__}: {text}".rstrip(": ")
