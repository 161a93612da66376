"""``textvae probe``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from ..errors import UsageError
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
        arguments.label_column, arguments.text_column = columns_of(arguments.text[0])
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


def columns_of(text: str) -> tuple[str, str]:
    """The columns of the labels and of the text in a file, the first of a pattern.

    Raises:
        UsageError: If the file is text without labels.
    """
    from ..data.opening import find_files, opened, stem_of

    names, numbers = ("label", "text"), ("1", "2")
    if text == "-":
        return numbers
    path = find_files([text])[0]
    if stem_of(path).suffix.lower() in (".csv", ".json", ".jsonl", ".ndjson", ".parquet"):
        return names
    with opened(path) as stream:
        first = stream.readline(1000).decode("utf-8", "replace").strip("\ufeff\r\n")
    if "\t" not in first:
        raise UsageError(
            f"{path}: no labels; a line is a label, a tab and the text, or name the columns by "
            "--label-column and --text-column"
        )
    return names if {*names} <= set(first.split("\t")) else numbers
