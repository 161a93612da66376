"""``textvae novelty``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

import dataclasses
from argparse import ArgumentParser, Namespace

from ..console import one_line
from .common import add_decoding, add_run, at_least, decoding_of, load, print_json
from .corpora import add_corpus, read_corpus

DESCRIPTION = """Says how much of what a model writes from the prior its training text has.

  textvae novelty mine -n 1000"""

SHOWN = 5


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument("-n", type=at_least(int, 1), default=1000, help="the samples (1000)")
    add_corpus(parser, "train")
    add_decoding(parser, default="sample")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    training, _ = read_corpus(arguments)
    samples = load(arguments).sample(arguments.n, **options)

    from ..operations import novelty

    found = novelty(samples, training)
    if arguments.json:
        print_json(dataclasses.asdict(found))
        return
    print(f"samples    {found.samples:,}")
    print(f"copies     {found.copies:.1%} stand in the {len(training):,} training sentences")
    print(f"distinct   {found.distinct:.1%} differ from each other")
    for line in found.copied[:SHOWN]:
        print(f"  copied: {one_line(line)}")
