"""The methods on Penn Treebank at the published size, beside the published numbers.

    python -m benchmarks.ptb --text FOLDER
    python -m benchmarks.ptb --text FOLDER --methods annealing,bn --out docs/results/ptb

One comparison, which the same command goes on with after an interruption, repeating nothing that
is finished. On a processor it runs one at a time, one seed each, and ends when validation has not
improved for six epochs at the lowest rate (ptb.yaml); on a GPU several at once, three seeds each.
Any method of ``textvae compare`` may be named beside those of `RECIPES`, and every option of
``textvae train`` holds for all of them.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from textvae.compare import compare, make_plan
from textvae.compare.plan import BASELINE
from textvae.compare.results import Results
from textvae.compare.table import table
from textvae.runs import write_text

from .collect import keep
from .ending import ending

RECIPES = {
    "annealing": "ptb_benchmark",
    "cyclical": "fu2019_ptb",
    "aggressive": "he2019_ptb",
    "ae_free_bits": "li2019_ptb",
    "bn": "zhu2020_ptb+posterior.gamma=0.6",
    "vmf": "vmf+posterior.concentration=50",
}
"""The published recipe of each method, as ``textvae compare`` takes it."""

PUBLISHED = {
    BASELINE: "PPL 100.47",
    "annealing": "PPL 101.40, MI 0, AU 0",
    "cyclical": "PPL 108.81, MI 1.27, AU 5",
    "aggressive": "PPL 99.83, MI 0.83, AU 4",
    "ae_free_bits": "PPL 96.86, MI 5.31, AU 32",
}
"""Optimus (Li et al., 2020), table 1: the same split and size."""

COLUMNS = {
    "ppl_iw": "{:.2f}",
    "nll_iw": "{:.2f}",
    "nll_elbo": "{:.2f}",
    "kl": "{:.2f}",
    "mi_full": "{:.2f}",
    "mi_batch32": "{:.2f}",
    "au": "{:.3g}",
    "z_gain": "{:.2f}",
}


@ending("benchmarks.ptb")
def main(argv: Sequence[str]) -> None:
    """Runs what is missing, and writes the table."""
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", required=True, help="a folder with {train,valid,test}.txt")
    parser.add_argument("--methods", default=",".join(RECIPES), help=", ".join(RECIPES))
    parser.add_argument("--seeds", type=int, default=3 if gpu else 1)
    parser.add_argument("--jobs", type=int, default=4 if gpu else 1)
    parser.add_argument("--name", default="ptb", help="the folder under runs/ (ptb)")
    parser.add_argument("--out", type=Path, help="where to keep what may go into docs/results")
    arguments, options = parser.parse_known_args(argv)

    recipes = {RECIPES.get(name, name): name for name in arguments.methods.split(",")}
    config = "ptb_benchmark" if gpu else str(Path(__file__).with_name("ptb.yaml"))
    base = ["--config", config, "--text", arguments.text]
    plan = make_plan(list(recipes), arguments.seeds, [*base, *options], arguments.name)
    results = compare(plan, arguments.jobs)
    print(table(results))
    command = command_of(argv, arguments.text)
    text = markdown(results, recipes, command)
    write_text(plan.folder / "table.md", text)
    if arguments.out is not None:
        for outcomes in results.outcomes.values():
            for outcome in outcomes:
                keep(outcome.task.run.folder, arguments.out)
        write_text(arguments.out / "table.md", text)
    print(f"\n{text}", end="")


def command_of(argv: Sequence[str], text: str) -> str:
    """The command as it was given, without this machine's folders."""
    short = f"{Path(text).resolve().name}/"
    named = {text: short, f"--text={text}": f"--text={short}"}
    return "python -m benchmarks.ptb " + shlex.join(named.get(word, word) for word in argv)


def markdown(results: Results, names: dict[str, str], command: str) -> str:
    """The numbers beside the published ones, in Markdown."""
    lines = [
        "| method | published | " + " | ".join(COLUMNS) + " | minutes | time |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for method, row in results.summary.items():
        name = names.get(method, method)
        cells = [
            form.format(row[key].mean)
            + (f" ± {form.format(row[key].sd)}" if row[key].sd is not None else "")
            if key in row
            else "-"
            for key, form in COLUMNS.items()
        ]
        minutes = f"{row['seconds'].mean / 60:.0f}" if "seconds" in row else "-"
        ratio = results.cost.get(method, {}).get("seconds")
        times = "-" if ratio is None else f"{ratio:.2f}x"
        told = [name, PUBLISHED.get(name, "-"), *cells, minutes, times]
        lines.append("| " + " | ".join(told) + " |")
    seeds = f"{len(results.plan.seeds)} seed{'s' * (len(results.plan.seeds) > 1)} each"
    lines += [
        "",
        f"{seeds}; time is relative to {names.get(results.reference, results.reference)}.",
    ]
    lines += [f"- {line}" for line in results.flags]
    return "\n".join([*lines, "", "```bash", command, "```", ""])


if __name__ == "__main__":
    sys.exit(main())
