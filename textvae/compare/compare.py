"""A whole comparison: from a plan to results.json and report.html."""

__all__ = ["compare"]

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..console import Percentage, note
from ..errors import TrainingError
from ..runs import held, unwritable, write_json, write_text
from ..wiring.parser import instantiate
from .building import build_all
from .examine import Witness, examine, witness_of
from .execute import Failures, execute, first_line
from .outcomes import Outcome, read_outcomes
from .page import render
from .plan import BASELINE, Plan
from .results import Results, assemble


def compare(plan: Plan, jobs: int = 1) -> Results:
    """Trains what is not finished, looks at every model, and writes the results.

    Arguments:
        plan: What to compare.
        jobs: How many runs at once.

    Raises:
        UsageError: If the text is not as it should be, or the parts of a method do not go
            together.
        Interrupted: If the user stopped it; the same command goes on where it was.
        TrainingError: If no method has finished.
    """
    data = instantiate(plan.tasks[0].config)["data"]
    data.prepare()  # what is wrong with the text is the fault of no method
    remarks = build_all(plan, data)
    make_folder(plan.folder)
    with held(plan.folder):
        return finish(plan, jobs, remarks)


def finish(plan: Plan, jobs: int, remarks: Sequence[str]) -> Results:
    """As :func:`compare`, in a folder that is there and of this process alone."""
    asked = {
        "text": plan.text,
        "methods": list(plan.methods),
        "seeds": list(plan.seeds),
        **plan.asked,
    }
    write_json(plan.folder / "comparison.json", asked)
    failures = execute(plan, jobs)
    outcomes = read_outcomes(plan)
    if not outcomes.keys() - {BASELINE}:
        reason = next(iter(failures.values()), "nothing was trained")
        raise TrainingError(f"no method has finished; the first failed with: {reason}")
    witness = witness_of(plan, outcomes.get(BASELINE, []))
    outcomes = look(outcomes, witness, failures)
    results = assemble(plan, outcomes, failures, jobs, remarks)
    write_json(plan.folder / "results.json", results.to_dict())
    write_text(plan.folder / "report.html", render(results, witness))
    note(f"wrote {plan.folder / 'report.html'} and results.json")
    return results


def look(
    outcomes: Mapping[str, list[Outcome]], witness: Witness, failures: Failures
) -> dict[str, list[Outcome]]:
    """The outcomes with what is seen when their models are looked at; `failures` has the rest."""
    total, progress = sum(map(len, outcomes.values())), Percentage("looking at the models")
    seen: dict[str, list[Outcome]] = {}
    for method, found in outcomes.items():
        seen[method] = []
        for outcome in found:
            try:
                outcome = replace(outcome, examined=examine(outcome, witness))
            except Exception as error:  # the numbers stand, and the other methods too
                reason = f"it was trained, but not looked at: {first_line(error)}"
                failures[method, outcome.task.seed] = reason
            seen[method].append(outcome)
            progress(sum(map(len, seen.values())) / total)
    return seen


def make_folder(folder: Path) -> None:
    """Makes the folder of a comparison, if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
