"""``textvae interpolate``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from ..errors import UsageError
from .common import (
    add_decoding,
    add_run,
    add_sentences,
    at_least,
    decoding_of,
    load,
    print_lines,
    read_sentences,
)

DESCRIPTION = """Decodes the way from one sentence to another, both ends included.

  textvae interpolate mine "the cat sat ." "a dog ran away ." --steps 7"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_sentences(parser)
    parser.add_argument("--steps", type=at_least(int, 2), default=7, help="the lines to write (7)")
    parser.add_argument(
        "--path",
        choices=["auto", "linear", "spherical"],
        default="auto",
        help="the way; auto is that of the prior's space",
    )
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    sentences = read_sentences(arguments)
    if len(sentences) != 2:
        raise UsageError(f"interpolation goes between two sentences, got {len(sentences)}")
    path = None if arguments.path == "auto" else arguments.path
    vae = load(arguments, sentences)
    lines = vae.interpolate(*sentences, steps=arguments.steps, path=path, **options)
    print_lines(arguments, lines)
