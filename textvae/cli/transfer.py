"""``textvae transfer``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from .common import add_decoding, add_run, at_least, decoding_of, load, print_lines
from .corpora import add_corpus, read_corpus

DESCRIPTION = """Gives sentences another label, by the difference between the mean latents of the
sentences of a labelled corpus.

  textvae transfer mine "the food was cold ." --from 0 --to 1 \\
      --text reviews.tsv --text-column 2 --label-column 1"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument("sentences", nargs="+", metavar="SENTENCE", help="the sentences")
    parser.add_argument("--from", dest="source", required=True, help="the label that they have")
    parser.add_argument("--to", dest="target", required=True, help="the label to give them")
    parser.add_argument(
        "--strength", type=at_least(float, 0), default=1.0, help="how far to go (1)"
    )
    add_corpus(parser, "train")
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    texts, labels = read_corpus(arguments, labelled=True)
    vae = load(arguments, arguments.sentences)

    from ..operations.transfer import means, transfer

    lines = transfer(
        vae,
        arguments.sentences,
        arguments.source,
        arguments.target,
        means(vae, texts, labels),
        arguments.strength,
        **options,
    )
    print_lines(arguments, lines)
