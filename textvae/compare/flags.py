"""What makes a comparison less than fair, said aloud."""

__all__ = ["flag"]

import json
import math
from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Any

from .execute import Failures
from .outcomes import Outcome
from .plan import BASELINE, Plan, differences

BUDGET = ("trainer.max_epochs", "trainer.max_steps", "trainer.limit_train_batches")
"""The options that decide how much a method may learn from."""

SHARED = ("decoder", "optimizer", "lr_schedule", "trainer")
"""The groups that should be alike in every method; its encoder may belong to its posterior."""

PROTOCOL = ("split", "sentences", "tokens", "samples", "precision", "given")
"""What the reports of all runs should have in common; only a latent takes samples."""

MUCH = 1.5
"""The ratio from which one method is said to have had more than the others."""

LOST = 1.0
"""The nats of z_gain from which the choice of an epoch is said to have cost some."""


def flag(
    plan: Plan,
    outcomes: Mapping[str, list[Outcome]],
    failures: Failures,
    jobs: int,
    remarks: Sequence[str] = (),
) -> list[str]:
    """One line for each thing that a reader must know before believing the table."""
    lines = [line for method in plan.methods for line in budget(plan, method)]
    lines += [*remarks, *twins(plan), *work(outcomes)]
    lines += [line for found in outcomes.values() for outcome in found if (line := early(outcome))]
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
    every = [outcome for found in outcomes.values() for outcome in found]
    if mixed := protocols(every):
        lines.append(f"the reports are not of one protocol: they differ in {', '.join(mixed)}")
    if changed := texts(every):
        lines.append(
            f"the runs did not all read the same text ({', '.join(changed)}), which has changed "
            "since the first; compare again under another --name"
        )
    if len({outcome.report.get("git_revision") for outcome in every}) > 1:
        lines.append("the runs are of different revisions of the code")
    return lines


def budget(plan: Plan, method: str) -> list[str]:
    """Where a method was configured to have more or other than the baseline."""
    ours, base = plan.configs[method], plan.configs[BASELINE]
    lines = []
    for group in SHARED:
        for key, (here, there) in differences({group: ours[group]}, {group: base[group]}).items():
            told = f"{method}: another {key} than the others: {shown(here)}, not {shown(there)}"
            lines.append(told + ratio(key, here, there))
    return lines


def twins(plan: Plan) -> list[str]:
    """Methods that are one, as where an option for all replaces what they differ in."""
    names: dict[str, list[str]] = {}
    for method in plan.methods:
        names.setdefault(json.dumps(plan.configs[method], default=str), []).append(method)
    several = (same for same in names.values() if len(same) > 1)
    return [f"the same configuration under several names: {', '.join(same)}" for same in several]


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
    told = {"epochs": "saw the data {:.1f} times as often", "tokens": "read {:.1f} times as much"}
    for name, words in told.items():
        means = {
            method: sum(getattr(o, name) for o in found) / len(found)
            for method, found in outcomes.items()
        }
        # Beside a single method the usual one is the baseline, and no mean of the two.
        usual = median_low(means.values()) if means else 0
        for method, value in means.items():
            if usual and value >= MUCH * usual and method != BASELINE:
                lines.append(f"{method}: {words.format(value / usual)} as the usual method")
    return lines


def early(outcome: Outcome) -> str | None:
    """Where the epoch that was kept has much less of a latent than the last."""
    gains, kept = outcome.curves.get("valid_z_gain"), outcome.report.get("epoch")
    if not gains or kept is None:
        return None
    gain = dict(zip(outcome.curves["epoch"], gains, strict=True)).get(kept - 1, math.nan)
    if not gains[-1] - gain >= LOST:  # neither is known where they are no numbers
        return None
    return (
        f"{outcome.task.method}, seed {outcome.task.seed}: epoch {kept} was kept, the best by its "
        f"bound, with a z_gain of {gain:.2f} nats on validation; at the end of training it was "
        f"{gains[-1]:.2f}"
    )


def protocols(outcomes: Sequence[Outcome]) -> list[str]:
    """What the protocols of some reports do not agree in."""
    found = [outcome.report.get("protocol", {}) for outcome in outcomes]
    values = {name: {told.get(name) for told in found} for name in PROTOCOL}
    values["samples"].discard(None)
    return [name for name in PROTOCOL if len(values[name]) > 1]


def texts(outcomes: Sequence[Outcome]) -> list[str]:
    """The splits of which not all runs read the same sentences."""
    known = [outcome.text for outcome in outcomes if outcome.text is not None]
    splits = dict.fromkeys(split for text in known for split in text)
    return [split for split in splits if len({text.get(split) for text in known}) > 1]
