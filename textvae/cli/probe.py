"""``textvae probe``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import UsageError
from .common import add_run, at_least, load, note_lost, print_json
from .corpora import add_corpus, read_corpus

DESCRIPTION = """Reports how well a linear classifier tells labels from latents, by the number of
labelled sentences that it learns from. A quarter of the sentences is held out. Without names of
columns, a table has those called label and text, and a text file a label, a tab and the text.

  textvae probe mine --text reviews.tsv"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument(
        "--sizes", nargs="+", type=at_least(int, 2), metavar="N", help="10 to 10,000 labels"
    )
    parser.add_argument(
        "--seed", type=at_least(int, 0), default=0, metavar="N", help="of all that is drawn (0)"
    )
    add_corpus(parser, "test")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    if arguments.text and arguments.label_column is None and arguments.text_column is None:
        named = Path(arguments.text[0]).suffix in (".csv", ".jsonl", ".parquet")
        arguments.label_column, arguments.text_column = ("label", "text") if named else ("1", "2")
    texts, labels = read_corpus(arguments)
    if labels is None:
        raise UsageError("no labels: name their column by --label-column, and a file by --text")
    vae = load(arguments)
    note_lost(vae, texts)

    from ..metrics.probe import SIZES, chance, probe

    found = probe(
        vae.encode(texts).cpu().numpy(), labels, arguments.sizes or SIZES, arguments.seed
    )
    base = chance(labels)
    if arguments.json:
        print_json({"accuracy": found, "chance": base, "sentences": len(texts)})
        return
    print(f"{'labels':>8}  accuracy on {len(texts) // 4:,} sentences held out")
    for size, accuracy in found.items():
        print(f"{size:>8,}  {accuracy:.1%}")
    print(f"{'chance':>8}  {base:.1%}")
