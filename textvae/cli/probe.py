"""``textvae probe``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from .common import add_run, at_least, load, print_json
from .corpora import add_corpus, read_corpus, refuse_label

DESCRIPTION = """Reports how well a linear classifier tells labels from latents, by the number of
labelled sentences that it learns from. A quarter of the sentences is held out, with all their
repetitions. Without names of columns, they are those called label and text; where a file of text
or TSV has no such names, each line is a label, a tab and the text.

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
        names = ("label", "text") if has_names(arguments.text[0]) else ("1", "2")
        arguments.label_column, arguments.text_column = names
    texts, labels = read_corpus(arguments, labelled=True)
    refuse_label(arguments, labels)
    vae = load(arguments, texts)

    from ..metrics.probe import SIZES, probe

    z = vae.encode(texts, vae.wanted(labels)).cpu().numpy()
    found = probe(z, labels, texts, arguments.sizes or SIZES, arguments.seed)
    if arguments.json:
        print_json({**asdict(found), "sentences": len(texts)})
        return
    print(f"{'labels':>8}  accuracy on {found.held_out:,} sentences held out")
    for size, accuracy in found.accuracy.items():
        print(f"{size:>8,}  {accuracy:.1%}")
    print(f"{'chance':>8}  {found.chance:.1%}")


def has_names(text: str) -> bool:
    """Whether the columns of a file, the first of a pattern, are called label and text."""
    from ..data.opening import find_files, opened, stem_of

    if text == "-":
        return False
    path = find_files([text])[0]
    if stem_of(path).suffix.lower() in (".csv", ".json", ".jsonl", ".ndjson", ".parquet"):
        return True
    with opened(path) as stream:
        first = stream.readline(1000).decode("utf-8", "replace").strip("\ufeff\r\n")
    return {"label", "text"} <= set(first.split("\t"))
