"""What makes a comparison less than fair, said aloud."""

__all__ = ["flag"]

from collections.abc import Mapping
from statistics import median
from typing import Any

from .execute import Failures
from .outcomes import Outcome
from .plan import BASELINE, Plan, differences

BUDGET = ("max_epochs", "max_steps", "max_time", "limit_train_batches", "accumulate_grad_batches")
"""The options of the trainer that decide how much a method may learn from."""

SHARED = ("decoder", "optimizer", "lr_schedule", "trainer")
"""The groups that should be alike in every method; its encoder may belong to its posterior."""

MUCH = 1.5
"""The ratio from which one method is said to have had more than the others."""


def flag(
    plan: Plan, outcomes: Mapping[str, list[Outcome]], failures: Failures, jobs: int
) -> list[str]:
    """One line for each thing that a reader must know before believing the table."""
    lines = [line for method in plan.methods for line in budget(plan, method)]
    lines += work(outcomes)
    lines += [f"{method}, seed {seed}, failed: {why}" for (method, seed), why in failures.items()]
    counts = {method: len(found) for method, found in outcomes.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{method} {count}" for method, count in counts.items())
        lines.append(f"not all methods have the same seeds finished: {told}")
    if len(plan.seeds) == 1:
        lines.append(
            "one seed: the intervals are over the sentences of the test split, and say nothing of "
            "what another seed would give"
        )
    if jobs > 1:
        lines.append(f"{jobs} runs shared the machine, so their times are not those of one alone")
    revisions = {o.report.get("git_revision") for found in outcomes.values() for o in found}
    if len(revisions) > 1:
        lines.append("the runs are of different revisions of the code")
    return lines


def budget(plan: Plan, method: str) -> list[str]:
    """Where a method was configured to have more or other than the baseline."""
    ours, base = plan.configs[method], plan.configs[BASELINE]
    lines = []
    for group in SHARED:
        for key, (here, there) in differences(ours[group], base[group]).items():
            name = f"{group}.{key}" if key else group
            told = f"{method}: another {name} than the others: {shown(here)}, not {shown(there)}"
            lines.append(told + ratio(key, here, there))
    return lines


def ratio(key: str, here: Any, there: Any) -> str:
    """How many times the budget it is, where the option is one of those that decide it."""
    numbers = all(isinstance(value, (int, float)) and value > 0 for value in (here, there))
    if key not in BUDGET or not numbers:
        return ""
    return f" ({here / there:.2g} times the budget)"


def shown(value: Any) -> str:
    """A value of a configuration, in few words."""
    text = str(value).rpartition(".")[2] if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def work(outcomes: Mapping[str, list[Outcome]]) -> list[str]:
    """Where a method did much more work than the usual, whatever its configuration says."""
    lines = []
    told = {"epochs": "saw the data {:.1f} times as often", "steps": "took {:.1f} times the steps"}
    for name, words in told.items():
        means = {
            method: sum(getattr(o, name) for o in found) / len(found)
            for method, found in outcomes.items()
        }
        usual = median(means.values()) if means else 0
        for method, value in means.items():
            if usual and value >= MUCH * usual and method != BASELINE:
                lines.append(f"{method}: {words.format(value / usual)} as the usual method")
    return lines
