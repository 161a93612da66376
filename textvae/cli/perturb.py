"""``textvae perturb``."""

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

DESCRIPTION = """Writes sentences around one: those of latents at a distance from its own.

  textvae perturb mine "the cat sat ." --scale 0.7"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_given(parser)
    parser.add_argument("-n", type=at_least(int, 1), default=10, help="how many to write (10)")
    parser.add_argument(
        "--scale",
        type=at_least(float, 0),
        default=0.5,
        help="how far: standard deviations of N(0, I), or radians on a sphere (0.5)",
    )
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    sentence = read_one(arguments)
    vae = load(arguments, [sentence])

    from ..operations import perturb

    lines = perturb(vae, sentence, arguments.n, arguments.scale, **options)
    print_lines(arguments, lines)
