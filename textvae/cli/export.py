"""``textvae export``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from ..console import note
from .common import add_run, load, print_json
from .corpora import add_corpus, read_corpus, refuse_label

DESCRIPTION = """Writes sentences, labels and latents into one file for other programs: the arrays
z, text and label of a .npz file, or the columns text, label and z of a .parquet file.

  textvae export mine --text my.txt --out z.parquet"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help="a .npz or .parquet file")
    add_corpus(parser, "test")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    texts, labels = read_corpus(arguments)
    refuse_label(arguments, labels)
    vae = load(arguments, texts)

    from ..operations import export

    export(vae, texts, arguments.out, labels)
    note(f"wrote {arguments.out}: {len(texts):,} sentences, latents of {vae.latent_dim} numbers")
    if arguments.json:
        print_json({"file": arguments.out, "sentences": len(texts)})
