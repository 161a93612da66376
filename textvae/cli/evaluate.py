"""``textvae evaluate``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

import time
from argparse import ArgumentParser, Namespace

from ..console import Percentage, note
from ..errors import UsageError
from ..runs import find_model
from .common import add_precision, add_run, at_least, load, print_json, refuse_columns
from .corpora import add_corpus, own_data, read_corpus, refuse_label

DESCRIPTION = """Reports the numbers of a trained model, and what was counted for them.

Without --text it reads a split of the text that the run was trained on. The report of a split
goes into the run folder too: report.json for the test split, report-SPLIT.json for the others."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_corpus(parser, "test")
    parser.add_argument(
        "--samples", type=at_least(int, 1), default=500, help="the samples S of nll_iw (500)"
    )
    add_precision(parser.add_argument)
    parser.add_argument(
        "--seed", type=at_least(int, 0), default=0, help="of all that is drawn (0)"
    )


def run(arguments: Namespace) -> None:
    """Runs the command."""
    report = floor = None
    if arguments.text:
        split, (texts, labels) = ", ".join(arguments.text), read_corpus(arguments)
        refuse_label(arguments, labels)
    else:
        refuse_columns(arguments)
        if arguments.label is not None:
            raise UsageError("--label is of the sentences of --text; a split has its own labels")
        split, data = arguments.split, own_data(arguments.run)
        texts, labels, floor = data.texts(split), data.labels(split), data.floor(split)
        name = "report.json" if split == "test" else f"report-{split}.json"
        report = find_model(arguments.run).parent / name

    vae, began = load(arguments), time.perf_counter()
    evaluation = vae.evaluate(
        texts,
        label=vae.wanted(labels),
        samples=arguments.samples,
        seed=arguments.seed,
        split=split,
        floor=floor,
        precision=arguments.precision,
        progress=Percentage(f"evaluating {split}"),
    )
    if report is not None:
        from ..wiring.report import write_report

        write_report(report, evaluation, {"evaluate": time.perf_counter() - began})
        note(f"wrote {report}")
    print_json(evaluation.to_dict()) if arguments.json else print(evaluation.table())
