"""All remedies on the embedded corpus beside its entropy, and disentanglement against beta.

    python -m benchmarks.grammar --seeds 3 --jobs 2 --out docs/results/grammar

Comparisons of ``textvae compare``, at the shipped size, of about a minute a run on one core: the
remedies, then values of beta, and last the remedies that take several times as long, by the same
number of epochs. Once the first two are there, README.md is written with its figures, and again at
the end. The same command goes on after an interruption and repeats nothing that is finished, so
that one seed may come first, and more later; every option of ``textvae train`` holds for all runs.
"""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from textvae.compare import compare, figures, make_plan, method_names
from textvae.compare.outcomes import Outcome
from textvae.compare.plan import BASELINE
from textvae.compare.recommendation import RULE
from textvae.compare.results import Results
from textvae.compare.statistics import spread
from textvae.compare.table import write
from textvae.console import note
from textvae.runs import write_json, write_text
from textvae.wiring.report import provenance

from .ending import ending

BUDGET = ("--trainer.max_epochs", "4", "--samples", "200")
COSTLY = ("iwae", "dreg", "naive", "aggressive")
"""What decodes eight samples, or takes many steps on a batch."""

BETAS = (0.0625, 0.125, 0.25, 0.5, 1.0)

COLUMNS = {
    "nll_iw": "{:.2f}",
    "nll_elbo": "{:.2f}",
    "kl": "{:.2f}",
    "mi_full": "{:.2f}",
    "au": "{:.3g}",
    "z_gain": "{:.2f}",
    "exact_match": "{:.0%}",
}

SEEN = {
    "MIG": ("{:.3f}", lambda found: found["mig"]),
    "disentanglement": ("{:.2f}", lambda found: found["dci"]["disentanglement"]),
    "completeness": ("{:.2f}", lambda found: found["dci"]["completeness"]),
    "informativeness": ("{:.2f}", lambda found: found["dci"]["informativeness"]),
    "probes": (
        "{:.0%}",
        lambda found: fmean(probe["accuracy"] for probe in found["probes"].values()),
    ),
}
"""What is known of the factors in the latents: a form, and where to read it."""

KEPT = ("seeds", "floor", "summary", "differences", "cost", "flags", "failures", "git_revision")
"""What is kept of the results.json of a comparison."""

PAGE = """\
# All remedies on the grammar

{methods} methods and a language model on the embedded corpus, whose exact entropy over this very
test split is **{floor:.2f} nats a sentence**: no model can have an `nll_iw` under it. {seeds}
each at the shipped size (LSTMs of 256, 32 latent dimensions), on 12,000 sentences, {epochs}
epochs, with {samples} importance samples.

Nats per sentence, mean ± standard deviation over seeds, by `nll_iw`. `floor +` is what that has
over the entropy; `probes` is the mean accuracy of linear probes of the grammar's factors, where
naming the commonest value has {chance:.0%}; time is that of training beside `none`.

{numbers}

**{headline}.** {reasons} The rule: {rule}.

![Rate against distortion](plane.svg)

A point is a method, small points its seeds. Along a thin line the NLL by the ELBO is the same; the
dashed one is the entropy.

{flags}

## Disentanglement against beta

{betas}

![Disentanglement against beta](beta.svg)

A dot is a seed. MIG and DCI are over the factors that are independent of each other, by
[these definitions](../../compare.md#how-to-read-it).

## How it was run

```bash
{command}
```

{machine}. {minutes:.0f} minutes of training in all; the longest run was one of `{slowest}`, with
{longest:.1f}.
"""


@ending("benchmarks.grammar")
def main(argv: Sequence[str]) -> None:
    """Runs what is missing, and writes the page after each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", default=",".join(by_cost(method_names())))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/results/grammar"))
    arguments, options = parser.parse_known_args(argv)

    methods = by_cost(arguments.methods.split(","))
    quick = [method for method in methods if method not in COSTLY]
    parts = [
        ("grammar", quick),
        ("grammar-beta", [f"beta+objective.beta={beta}" for beta in BETAS]),
        ("grammar", methods),
    ]
    found: dict[str, Results] = {}
    command = f"python -m benchmarks.grammar {shlex.join(argv)}".rstrip()
    for name, wanted in parts:
        asked = [*BUDGET, *options]
        found[name] = compare(make_plan(wanted, arguments.seeds, asked, name), arguments.jobs)
        if len(found) > 1:
            publish(found["grammar"], found["grammar-beta"], command, arguments.out)


def by_cost(methods: Sequence[str]) -> list[str]:
    """The methods, the costly ones last, without the baseline, which is always there."""
    return sorted((m for m in methods if m != BASELINE), key=lambda method: method in COSTLY)


def publish(remedies: Results, betas: Results, command: str, out: Path) -> None:
    """Writes the page and its figures."""
    drawn = {"plane": figures.rate_distortion(remedies), "beta": figures.beta_plot(betas)}
    out.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        if figure is not None:
            write_text(out / f"{name}.svg", figure)
    for name, results in {"remedies": remedies, "betas": betas}.items():
        told = results.to_dict()
        write_json(out / f"{name}.json", {key: told[key] for key in KEPT})
    write_text(out / "README.md", page(remedies, betas, command))
    note(f"wrote {out / 'README.md'}")


def page(remedies: Results, betas: Results, command: str) -> str:
    """The page, in Markdown."""
    every = [run for part in (remedies, betas) for runs in part.outcomes.values() for run in runs]
    known = next(run.examined["factors"] for run in every if run.examined.get("factors"))
    slowest = max(every, key=lambda run: run.seconds or 0)
    config, seeds = remedies.plan.configs[BASELINE], len(remedies.plan.seeds)
    best, said = remedies.recommendation, provenance()
    return PAGE.format(
        methods=len(remedies.methods),
        floor=remedies.floor,
        seeds=f"{seeds} seed{'s' * (seeds > 1)}",
        epochs=config["trainer"]["max_epochs"],
        samples=config["samples"],
        chance=fmean(probe["chance"] for probe in known["probes"].values()),
        numbers=markdown(table_of_remedies(remedies)),
        headline=best.headline,
        reasons=" ".join(best.reasons),
        rule=RULE,
        flags="\n".join(f"- {line}" for line in remedies.flags),
        betas=markdown(table_of_betas(betas)),
        command=command,
        machine=f"{said['hardware']['processor']}; torch {said['versions']['torch']}",
        minutes=sum(run.seconds or 0 for run in every) / 60,
        slowest=slowest.task.method,
        longest=(slowest.seconds or 0) / 60,
    )


def table_of_remedies(results: Results) -> Iterator[list[str]]:
    """A row for each method, the least NLL first."""
    yield ["method", "floor +", *COLUMNS, "probes", "time"]
    for method, row in sorted(results.summary.items(), key=lambda item: item[1]["nll_iw"].mean):
        over = f"{row['nll_iw'].mean - results.floor:.2f}"
        time = results.cost.get(method, {}).get("seconds")
        mark = f"**{method}**" if method == results.recommendation.method else method
        cells = [write(row.get(name), form) for name, form in COLUMNS.items()]
        told = factors(results.outcomes[method], ["probes"])
        yield [mark, over, *cells, *told, "-" if time is None else f"{time:.2f}x"]


def table_of_betas(results: Results) -> Iterator[list[str]]:
    """A row for each value of beta."""
    columns = {name: COLUMNS[name] for name in ("nll_iw", "kl", "au", "z_gain")}
    yield ["beta", *columns, *SEEN]
    for method in results.methods:
        row = results.summary[method]
        cells = [write(row.get(name), form) for name, form in columns.items()]
        yield [method.rpartition("=")[2], *cells, *factors(results.outcomes[method], list(SEEN))]


def factors(outcomes: Sequence[Outcome], names: Sequence[str]) -> list[str]:
    """What the latents of a method hold of the factors, over its seeds."""
    found = [o.examined["factors"] for o in outcomes if o.examined.get("factors")]
    cells = []
    for name in names:
        form, read = SEEN[name]
        values = [value for value in map(read, found) if value is not None]
        cells.append(write(spread(values), form) if values else "-")
    return cells


def markdown(rows: Iterator[list[str]]) -> str:
    """A table; the first row is its head."""
    head, *rest = rows
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
