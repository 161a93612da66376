"""``textvae encode``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..console import note
from .common import add_run, add_sentences, load, note_lost, print_json, read_sentences

DESCRIPTION = """Turns sentences into latent vectors: the mode of each one's posterior.

Prints a line for each sentence, its numbers separated by tabs, or writes an array with --out."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_sentences(parser)
    parser.add_argument("--out", metavar="FILE", help="a .npy file for the array (N, D)")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    sentences = read_sentences(arguments)
    vae = load(arguments)
    note_lost(vae, sentences)
    z = vae.encode(sentences).cpu()
    if arguments.out:
        import numpy as np

        from ..runs import replacing

        with replacing(Path(arguments.out), "wb") as file:
            np.save(file, z.numpy())
        note(f"wrote {arguments.out}: {len(z)} latents of {z.shape[1]} numbers")
    elif arguments.json:
        print_json(z.tolist())
    else:
        for row in z.tolist():
            print("\t".join(f"{value:.7g}" for value in row))
