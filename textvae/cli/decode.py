"""``textvae decode``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

import sys
import warnings
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .common import STDIN, add_decoding, add_run, decoding_of, load, not_empty, print_lines

if TYPE_CHECKING:
    import numpy as np

DESCRIPTION = """Turns latent vectors into sentences.

Reads what textvae encode writes: a .npy array (N, D), or a line of numbers for each vector."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument(
        "file", type=not_empty, metavar="FILE", nargs="?", help="the file; else standard input"
    )
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    z = read_latents(arguments.file)
    sentences = load(arguments).decode(z, **options)
    print_lines(arguments, sentences)


def read_latents(file: str | None) -> "np.ndarray":
    """The array in a file, or on standard input where None or -.

    Raises:
        UsageError: If it holds no array of finite numbers.
    """
    import numpy as np

    name = STDIN if file in (None, "-") else file
    try:
        if Path(name).suffix == ".npy":
            with open(name, "rb") as stream:
                z = np.lib.format.read_array(stream, allow_pickle=False)
        else:
            stream = sys.stdin if name == STDIN else file
            with warnings.catch_warnings(action="ignore"):  # that there is nothing, we say below
                z = np.loadtxt(stream, ndmin=2)
        if z.dtype.kind not in "iuf":
            raise ValueError(f"its type is {z.dtype}")
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            z = z.astype(np.float32)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{name}: no array of numbers ({reason}); see encode --out") from error
    if z.size == 0 or not np.isfinite(z).all():
        raise UsageError(f"{name}: holds no latents, or some that are not finite")
    return z
