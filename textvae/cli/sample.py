"""``textvae sample``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from .common import add_decoding, add_run, at_least, decoding_of, load, print_lines

DESCRIPTION = "Writes new sentences, each from a latent that is drawn from the prior."


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument("-n", type=at_least(int, 1), default=10, help="how many (10)")
    add_decoding(parser, default="sample")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    sentences = load(arguments).sample(arguments.n, **decoding_of(arguments))
    print_lines(arguments, sentences)
