"""``textvae encode``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..console import note
from ..errors import UsageError
from .common import (
    add_precision,
    add_run,
    add_sentences,
    load,
    not_empty,
    print_json,
    read_sentences,
)

DESCRIPTION = """Turns sentences into latent vectors: the mode of each one's posterior.

Prints a line for each sentence, its numbers separated by tabs, or writes an array with --out."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_sentences(parser)
    help_out = "a .npy file for the array (N, D)"
    parser.add_argument("--out", type=not_empty, metavar="FILE", help=help_out)
    add_precision(parser.add_argument)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    if arguments.out and Path(arguments.out).suffix != ".npy":
        raise UsageError(f"{arguments.out}: a file of latents alone ends in .npy; see also export")
    sentences, labels = read_sentences(arguments)
    z = load(arguments, sentences).encode(sentences, labels, arguments.precision).cpu()
    if arguments.out:
        import numpy as np

        from ..runs import replacing

        with replacing(Path(arguments.out), "wb") as file:
            np.save(file, z.numpy())
        note(f"wrote {arguments.out}: {len(z)} latents of {z.shape[1]} numbers")
        if arguments.json:
            print_json({"file": arguments.out, "sentences": len(z)})
    elif arguments.json:
        print_json(z.tolist())
    else:
        for row in z.tolist():
            print("\t".join(f"{value:.7g}" for value in row))
