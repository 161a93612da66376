"""``textvae traverse``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from .common import (
    add_decoding,
    add_given,
    add_run,
    at_least,
    decoding_of,
    load,
    print_lines,
    read_one,
)
from .corpora import add_corpus, read_corpus

DESCRIPTION = """Walks from a sentence along one dimension of the latent space, or along a
principal axis of a corpus, and decodes the way.

  textvae traverse mine "the cat sat ." --dimension 3
  textvae traverse mine "the cat sat ." --axis 0 --text my.txt"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_given(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--dimension", type=at_least(int, 0), metavar="N", help="from 0")
    which.add_argument(
        "--axis", type=at_least(int, 0), metavar="N", help="of most variance from 0"
    )
    parser.add_argument("--steps", type=at_least(int, 2), default=7, help="the lines to write (7)")
    parser.add_argument(
        "--span",
        type=at_least(float, 0),
        help="how far to both sides: standard deviations (2), or radians on a sphere (pi/2)",
    )
    add_corpus(parser, "test")
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    sentence = read_one(arguments)
    texts, labels = ([], None) if arguments.axis is None else read_corpus(arguments)
    vae = load(arguments, [sentence])

    from ..operations import traverse

    lines = traverse(
        vae,
        sentence,
        arguments.dimension,
        arguments.axis,
        texts,
        arguments.steps,
        arguments.span,
        labels=labels,
        **options,
    )
    print_lines(arguments, lines)
