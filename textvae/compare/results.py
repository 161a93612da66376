"""From the runs of a comparison to its numbers: results.json."""

__all__ = ["SHOWN", "Results", "assemble"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..wiring.report import provenance
from .execute import Failures
from .flags import flag
from .outcomes import Outcome
from .plan import BASELINE, Plan
from .recommendation import RULE, Recommendation, recommend
from .statistics import Difference, Spread, paired, spread, unpaired

SHOWN = (
    "nll_iw",
    "nll_elbo",
    "ppl_iw",
    "ppl_word",
    "bits_per_character",
    "kl",
    "mi_full",
    "mi_batch32",
    "au",
    "z_gain",
    "exact_match",
    "token_accuracy",
    "bleu",
    "probe_accuracy",
    "seconds",
    "tokens_per_second",
)
"""The numbers that are averaged over seeds and compared."""


@dataclass(frozen=True)
class Results:
    """The numbers of a comparison.

    Arguments:
        plan: What was asked.
        outcomes: The finished runs of each method, the baseline's among them.
        summary: Each number of each method, over its seeds.
        differences: What each method has more of than the reference.
        cost: The time of each method's training relative to the reference's, and its speed.
        flags: What makes the comparison less than fair, in one line each.
        failures: What went wrong, by method and seed.
        recommendation: What to take.
    """

    plan: Plan
    outcomes: Mapping[str, list[Outcome]]
    summary: Mapping[str, dict[str, Spread]]
    differences: Mapping[str, dict[str, Difference]]
    cost: Mapping[str, dict[str, float]]
    flags: list[str]
    failures: Failures
    recommendation: Recommendation

    @property
    def reference(self) -> str | None:
        """The method that the others are compared with, or None where none has finished."""
        finished = [method for method in self.plan.methods if method in self.outcomes]
        return next((m for m in (self.plan.reference, *finished) if m in finished), None)

    @property
    def methods(self) -> list[str]:
        """The methods that have results, without the baseline."""
        return [method for method in self.plan.methods if method in self.outcomes]

    @property
    def floor(self) -> float | None:
        """The best reachable NLL, where it is known."""
        return next((o[0].report.get("floor") for o in self.outcomes.values()), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain data for JSON."""
        every = [outcome for outcomes in self.outcomes.values() for outcome in outcomes]
        return {
            "text": self.plan.text,
            "methods": list(self.plan.methods),
            "baseline": BASELINE,
            "reference": self.reference,
            "seeds": list(self.plan.seeds),
            "floor": self.floor,
            "rule": RULE,
            "recommendation": asdict(self.recommendation),
            "flags": self.flags,
            "failures": [
                {"method": method, "seed": seed, "reason": reason}
                for (method, seed), reason in self.failures.items()
            ],
            "summary": plain(self.summary),
            "differences": plain(self.differences),
            "cost": self.cost,
            "runs": [
                {
                    "method": outcome.task.method,
                    "seed": outcome.task.seed,
                    "folder": outcome.task.run.folder.name,
                    "epochs": outcome.epochs,
                    "report": outcome.report,
                    "examined": {k: v for k, v in outcome.examined.items() if k != "map"},
                }
                for outcome in every
            ],
            **provenance(),
        }


def plain(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """A table of dataclasses as plain data."""
    return {
        row: {name: asdict(value) for name, value in values.items()}
        for row, values in table.items()
    }


def assemble(
    plan: Plan,
    outcomes: Mapping[str, list[Outcome]],
    failures: Failures,
    jobs: int = 1,
    remarks: Sequence[str] = (),
) -> Results:
    """Puts the numbers of a comparison together.

    Arguments:
        plan: What was asked.
        outcomes: The finished runs of each method.
        failures: What went wrong with the others.
        jobs: How many ran at once.
        remarks: What is odd about the methods, in one line each.
    """
    summary = {method: summarise(found) for method, found in outcomes.items()}
    methods = [method for method in plan.methods if method in summary]
    ranked = {name: columns(summary, methods, name) for name in ("nll_iw", "z_gain")}
    baseline = summary.get(BASELINE, {}).get("nll_iw")
    results = Results(
        plan=plan,
        outcomes=outcomes,
        summary=summary,
        differences={},
        cost={},
        flags=flag(plan, outcomes, failures, jobs, remarks),
        failures=failures,
        recommendation=recommend(ranked["nll_iw"], ranked["z_gain"], baseline),
    )
    reference = results.reference
    if reference is not None:
        for method in summary:
            if method != reference:
                results.differences[method] = compare(outcomes[method], outcomes[reference])
            results.cost[method] = cost(outcomes[method], outcomes[reference])
    return results


def columns(
    summary: Mapping[str, dict[str, Spread]], methods: list[str], name: str
) -> dict[str, Spread]:
    """One number of the methods that have it."""
    return {method: summary[method][name] for method in methods if name in summary[method]}


def summarise(outcomes: list[Outcome]) -> dict[str, Spread]:
    """Each number of one method, over its seeds."""
    found = {}
    for name in SHOWN:
        values = [outcome.value(name) for outcome in outcomes]
        if None not in values:
            errors = [outcome.report.get("standard_errors", {}).get(name) for outcome in outcomes]
            found[name] = spread(values, errors)
    return found


def compare(ours: list[Outcome], theirs: list[Outcome]) -> dict[str, Difference]:
    """What one method has more of than another, from the seeds that both have."""
    a, b = ({o.task.seed: o for o in outcomes} for outcomes in (ours, theirs))
    seeds = sorted(a.keys() & b.keys())
    found = {}
    for name in SHOWN:
        left, right = (
            [a[seed].value(name) for seed in seeds],
            [b[seed].value(name) for seed in seeds],
        )
        if not seeds or None in (*left, *right):
            continue
        if len(seeds) > 1:
            found[name] = paired(left, right)
        else:
            found[name] = of_one_seed(a[seeds[0]], b[seeds[0]], name)
    return found


def of_one_seed(a: Outcome, b: Outcome, name: str) -> Difference:
    """What one run has more of than another: sentence by sentence, if that can be."""
    ours, theirs = (outcome.sentences.get(name, []) for outcome in (a, b))
    if len(ours) == len(theirs) > 1:
        return paired(ours, theirs, "sentences")
    errors = [outcome.report.get("standard_errors", {}).get(name) for outcome in (a, b)]
    return unpaired(a.value(name), b.value(name), *errors)


def cost(ours: list[Outcome], theirs: list[Outcome]) -> dict[str, float]:
    """The time and speed of training relative to another method, seed by seed."""
    other = {outcome.task.seed: outcome for outcome in theirs}
    ratios = {}
    for name in ("seconds", "tokens_per_second"):
        pairs = [
            (outcome.value(name), other[outcome.task.seed].value(name))
            for outcome in ours
            if outcome.task.seed in other
        ]
        if pairs and all(mine and plain for mine, plain in pairs):
            ratios[name] = sum(mine / plain for mine, plain in pairs) / len(pairs)
    epochs = [
        (outcome.seconds / outcome.epochs, other[outcome.task.seed])
        for outcome in ours
        if outcome.task.seed in other and outcome.seconds and outcome.epochs
    ]
    rates = [mine / (o.seconds / o.epochs) for mine, o in epochs if o.seconds and o.epochs]
    return ratios | ({"seconds_per_epoch": sum(rates) / len(rates)} if rates else {})
