"""How a command on a trained model reads a corpus: a text, or a split of the model's own."""

__all__ = ["add_corpus", "read_corpus"]

from argparse import ArgumentParser, Namespace

from ..console import note
from ..errors import UsageError
from ..runs import Run, find_model
from .common import read_text

SPLITS = ("train", "valid", "test")


def add_corpus(parser: ArgumentParser, split: str) -> None:
    """Adds the ways to name a corpus; without any, it is `split` of the run's own."""
    add = parser.add_argument_group("corpus").add_argument
    add("--text", nargs="+", metavar="FILE", help="files or patterns, or - for standard input")
    add("--text-column", metavar="NAME", help="the column of the sentences, by name or number")
    add("--label-column", metavar="NAME", help="the column of labels")
    help_split = f"else a split of the text that the run was trained on ({split})"
    add("--split", choices=SPLITS, default=split, help=help_split)


def read_corpus(arguments: Namespace) -> tuple[list[str], list[str] | None]:
    """The sentences of a corpus, and their labels if it has some.

    Raises:
        UsageError: If it is not as it should be, or the model has no run to take it from.
    """
    if arguments.text is None:
        return _own(arguments)
    if arguments.text == ["-"]:
        return read_text("-"), None

    from ..data.places import find_files
    from ..data.reader import Tally
    from ..data.tables import Columns, read_rows

    tally, rows = Tally(), []
    columns = Columns(arguments.text_column, arguments.label_column)
    for path in find_files(arguments.text):
        rows += read_rows(path, columns, tally)
    for line in tally.notes(", ".join(arguments.text)):
        note(line)
    texts, labels = (list(column) for column in zip(*rows, strict=True))
    return texts, None if columns.label is None else labels


def _own(arguments: Namespace) -> tuple[list[str], list[str] | None]:
    from ..wiring.splits import data_of

    for name in ("text_column", "label_column"):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is of a file: name it by --text")
    model = find_model(arguments.run)
    if not Run(model.parent).config.is_file():
        raise UsageError(f"{model} is a model without its run; give its sentences with --text")
    data = data_of(Run.existing(str(model.parent)))
    labels = data.labels(arguments.split)
    return list(data.texts(arguments.split)), None if labels is None else list(labels)
