"""How a command on a trained model reads a corpus: a text, or a split of the model's own."""

__all__ = ["add_corpus", "own_data", "read_corpus", "refuse_label"]

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..hub import locate
from ..runs import Run
from .common import add_columns, not_empty, read_text, refuse_columns

if TYPE_CHECKING:
    from ..data import SentenceData

SPLITS = ("train", "valid", "test")


def add_corpus(parser: ArgumentParser, split: str) -> None:
    """Adds the ways to name a corpus; without any, it is `split` of the run's own."""
    group = parser.add_argument_group("corpus")
    either = group.add_mutually_exclusive_group()
    help_text = "files or patterns, or - for standard input"
    either.add_argument("--text", nargs="+", type=not_empty, metavar="FILE", help=help_text)
    add_columns(group.add_argument)
    help_split = f"else a split of the text that the run was trained on ({split})"
    either.add_argument("--split", choices=SPLITS, default=split, help=help_split)


def read_corpus(
    arguments: Namespace, labelled: bool = False
) -> tuple[list[str], list[str] | None]:
    """The sentences of a corpus, and their labels if it has some.

    Arguments:
        arguments: Those of the command.
        labelled: Whether it must have labels.

    Raises:
        UsageError: If it is not as it should be, or the model has no run to take it from.
    """
    if arguments.text is None:
        texts, labels = _own(arguments)
    else:
        texts, labels = read_text(arguments.text, arguments.text_column, arguments.label_column)
    if labelled and labels is None:
        raise UsageError("no labels: name their column by --label-column, and a file by --text")
    return texts, labels


def refuse_label(arguments: Namespace, labels: list[str] | None) -> None:
    """
    Raises:
        UsageError: If a label is named for a corpus that has its own.
    """
    if arguments.label is not None and labels is not None:
        raise UsageError("--label: the corpus has its own labels; leave the option out")


def own_data(name: str, option: str = "--text") -> "SentenceData":
    """The text that a run was trained on.

    Arguments:
        name: The run.
        option: The one that gives sentences otherwise.

    Raises:
        UsageError: If the model has no run to take it from.
    """
    from ..wiring.splits import data_of

    model, foreign = locate(name)
    if foreign or not Run(model.parent).config.is_file():
        raise UsageError(f"{name} is a model without its run; give its sentences with {option}")
    return data_of(Run.existing(str(model.parent)))


def _own(arguments: Namespace) -> tuple[list[str], list[str] | None]:
    refuse_columns(arguments)
    data = own_data(arguments.run)
    labels = data.labels(arguments.split)
    return list(data.texts(arguments.split)), None if labels is None else list(labels)
