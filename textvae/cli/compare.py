"""``textvae compare``."""

__all__ = ["run"]

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..console import note
from ..errors import UsageError
from .common import at_least

if TYPE_CHECKING:
    from ..compare.results import Results

HELP = """usage: textvae compare --methods A,B,... [--seeds N] [--text FILE] [--GROUP.OPTION VALUE]

Trains every method on the same data, batches, decoder, budget and seeds, beside a language model,
evaluates them all alike, says which to take, and shows what that one writes. Without --text, on an
embedded corpus.

  --methods A,B,...  methods by name, or files; bn+posterior.gamma=0.7 is one with other options
  --seeds N          how many seeds each (1)
  --jobs N           how many runs at once (1)
  --name NAME        the name of the comparison: its folder is runs/NAME
  --text FILE        a text file, one sentence a line, or a folder with {train,valid,test}.txt
  --config NAME      a YAML file, or the name of a shipped configuration, below every method
  --samples S        the samples of the reports' likelihood (500)
  --json             print results.json instead of the table

Methods:
@METHODS@

Every other option is one of textvae train, for all methods alike:

  textvae compare --methods none,annealing,bn,vmf --seeds 3 --text mine.txt --trainer.max_epochs 20

runs/NAME holds results.json, report.html, and each run as textvae train would leave it. The same
command goes on where it was interrupted, and adds methods or seeds to what is there."""


def run(argv: Sequence[str]) -> int:
    """Compares as the options say; prints the table and what the recommended model writes."""
    if "-h" in argv or "--help" in argv or not argv:
        print(HELP.replace("@METHODS@", summaries()))
        return 0
    arguments, options = split(argv)

    from ..compare import compare, make_plan
    from ..compare.table import table
    from ..training.callbacks import Interrupted

    methods = [method.strip() for method in arguments.methods.split(",") if method.strip()]
    plan = make_plan(methods, arguments.seeds, options, arguments.name)
    try:
        results = compare(plan, arguments.jobs)
    except Interrupted:
        note("interrupted; the same command goes on from here")
        return 130
    if arguments.json:
        print(json.dumps(results.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(table(results), *written(results), sep="\n\n")
    return 0


def written(results: "Results") -> list[str]:
    """What the recommended method writes, or else the first: of its first seed, or nothing."""
    method = results.recommendation.method or next(iter(results.methods), None)
    run = method and results.outcomes[method][0].task.run
    if run is None or not run.samples.is_file():
        return []
    return [f"What {run.folder} writes", run.samples.read_text(encoding="utf-8").rstrip()]


def split(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of a comparison, and those of its runs.

    Raises:
        UsageError: If one of the former is wrong.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--methods", default="")
    parser.add_argument("--seeds", type=at_least(int, 1), default=1)
    parser.add_argument("--jobs", type=at_least(int, 1), default=1)
    parser.add_argument("--name")
    parser.add_argument("--json", action="store_true")
    try:
        arguments, options = parser.parse_known_args(argv)
    except argparse.ArgumentError as error:
        raise UsageError(f"{error.argument_name}: {error.message}") from error
    refused = {
        "--resume": "the same command goes on where it was interrupted",
        "--print_config": "each run's config.yaml says what it was asked",
    }
    for option in options:
        if mend := refused.get(option.split("=")[0]):
            raise UsageError(f"no option {option.split('=')[0]} here: {mend}")
    return arguments, options


def summaries() -> str:
    """What each method is, from the first line of its file."""
    from ..wiring.configs import CONFIGS

    lines = []
    for path in sorted(CONFIGS.glob("method/*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"  {path.stem:<18} {first}")
    return "\n".join(lines)
