"""``textvae infill``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

import dataclasses
from argparse import ArgumentParser, Namespace

from ..console import one_line
from .common import add_given, add_run, at_least, load, print_json, read_one

DESCRIPTION = """Fills the blank of a sentence, an underscore, with what the model finds likeliest.

Prints the nats of each whole sentence, fewer is likelier, and the sentence.

  textvae infill mine "I love _ ."
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_given(parser)
    parser.add_argument("--top", type=at_least(int, 1), default=5, help="how many to show (5)")
    parser.add_argument(
        "--max-words", type=at_least(int, 1), default=3, help="the longest fill, in words (3)"
    )
    parser.add_argument(
        "--proposals", type=at_least(int, 3), default=64, help="the latents to try (64)"
    )
    parser.add_argument(
        "--seed", type=at_least(int, 0), default=0, help="of all that is drawn (0)"
    )


def run(arguments: Namespace) -> None:
    """Runs the command."""
    sentence = read_one(arguments)
    vae = load(arguments)

    from ..operations import infill

    fills = infill(
        vae,
        sentence,
        arguments.top,
        arguments.max_words,
        arguments.proposals,
        seed=arguments.seed,
    )
    if arguments.json:
        print_json([dataclasses.asdict(fill) for fill in fills])
    else:
        for fill in fills:
            print(f"{fill.nll:.2f}\t{one_line(fill.text)}")
