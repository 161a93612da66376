"""What the runs of a comparison left behind."""

__all__ = ["Outcome", "first_seen", "read_outcome", "read_outcomes"]

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .plan import Plan, Task

CURVES = ("valid_nll_elbo", "valid_kl", "valid_mi", "valid_au", "valid_z_gain")
"""What is followed over training, where the run has logged it."""


@dataclass(frozen=True)
class Outcome:
    """One finished run.

    Arguments:
        task: The run.
        report: Its report.
        curves: The metrics of each validation, by name, with the epochs under ``epoch``.
        seconds: The wall time of training, or None.
        tokens_per_second: The median speed of training, or None.
        tokens: The tokens that training read, those of every step, as last logged.
        sentences: The numbers of each test sentence, by name, where they are known.
        text: A fingerprint of the sentences of each split, or None where it was not kept.
        examined: What was seen when the model was looked at, by :func:`.examine`.
    """

    task: Task
    report: Mapping[str, Any]
    curves: Mapping[str, list[float]]
    seconds: float | None
    tokens_per_second: float | None
    tokens: float
    sentences: Mapping[str, list[float]] = field(default_factory=dict)
    text: Mapping[str, str] | None = None
    examined: dict[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """A number of the report or the cost of training, or None."""
        if name in ("seconds", "tokens_per_second"):
            return getattr(self, name)
        return self.report.get(name)

    @property
    def epochs(self) -> float:
        """The epochs that training saw."""
        return max(self.curves["epoch"], default=-1.0) + 1


def first_seen(outcomes: Mapping[str, Sequence[Outcome]], name: str) -> dict[str, Outcome]:
    """Of each method the first seed of which something was seen; not every model can be looked
    at."""
    found = {
        method: next((outcome for outcome in seeds if outcome.examined.get(name)), None)
        for method, seeds in outcomes.items()
    }
    return {method: outcome for method, outcome in found.items() if outcome is not None}


def read_outcomes(plan: Plan) -> dict[str, list[Outcome]]:
    """The finished runs of each method that has any, the baseline's first."""
    found = {
        task.method: [read_outcome(t) for t in plan.of(task.method) if t.finished]
        for task in plan.tasks
    }
    return {method: outcomes for method, outcomes in found.items() if outcomes}


def read_outcome(task: Task) -> Outcome:
    """Reads the folder of a finished run."""
    report = json.loads(task.run.report.read_text(encoding="utf-8"))
    rows = read_rows(task)
    validated = [row for row in rows if "valid_nll_elbo" in row]
    names = ("epoch", *(name for name in CURVES if any(name in row for row in validated)))
    speeds = [row["tokens_per_second"] for row in rows if "tokens_per_second" in row]
    return Outcome(
        task=task,
        report=report,
        curves={name: [row.get(name, float("nan")) for row in validated] for name in names},
        seconds=report.get("seconds", {}).get("train"),
        tokens_per_second=median(speeds) if speeds else None,
        sentences=read_sentences(task),
        text=read_text(task),
        tokens=max((row["tokens_seen"] for row in rows if "tokens_seen" in row), default=0.0),
    )


def read_sentences(task: Task) -> dict[str, list[float]]:
    """The numbers of each sentence; none of a run from before they were kept."""
    if not task.run.sentences.is_file():
        return {}
    return json.loads(task.run.sentences.read_text(encoding="utf-8"))


def read_text(task: Task) -> dict[str, str] | None:
    """The fingerprint of what a run read."""
    try:
        return json.loads(task.run.text.read_text(encoding="utf-8"))["splits"]
    except (OSError, ValueError):  # it began before any was kept
        return None


def read_rows(task: Task) -> list[dict[str, float]]:
    """The rows of metrics.csv, without what is empty."""
    if not task.run.metrics.is_file():
        return []
    with task.run.metrics.open(newline="", encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
