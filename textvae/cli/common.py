"""What several commands share: how they read sentences, decode, and print."""

__all__ = [
    "add_columns",
    "add_decoding",
    "add_given",
    "add_precision",
    "add_run",
    "add_sentences",
    "at_least",
    "decoding_of",
    "load",
    "not_empty",
    "print_json",
    "print_lines",
    "read_given",
    "read_one",
    "read_sentences",
    "read_text",
    "refuse_columns",
]

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..console import note, one_line
from ..errors import UsageError
from ..hub import locate

if TYPE_CHECKING:
    from ..api import TextVAE

STDIN = "standard input"

MOST = 2**32 - 2
"""The largest number that an argument takes: as a seed, all libraries take it and the next."""


def at_least(kind: type, low: float, high: float = MOST) -> Callable[[str], Any]:
    """An argument type: a number from `low` to `high`, which is finite."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            noun = "a whole number" if kind is int else "a number"
            closed = high < MOST or (value is not None and value > high)
            span = f"from {low:,} to {high:,}" if closed else f"of at least {low:,}"
            raise ArgumentTypeError(f"{text} is not {noun} {span}")
        return value

    return convert


def not_empty(text: str) -> str:
    """An argument type: the name of something."""
    if not text:
        raise ArgumentTypeError("the name is empty; give one")
    return text


def add_run(parser: ArgumentParser) -> None:
    """Adds what every command on a trained model takes."""
    help_run = "a run folder, its name under runs/, or a model of the hub"
    parser.add_argument("run", type=not_empty, metavar="RUN", help=help_run)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--label", help="of the sentences, for a conditional model")
    parser.add_argument("--device", default="auto", help="cpu, cuda ...; a GPU if there is one")


def add_sentences(parser: ArgumentParser) -> None:
    """Adds the three ways in which a command reads sentences."""
    parser.add_argument("sentences", nargs="*", metavar="SENTENCE", help="the sentences")
    parser.add_argument(
        "--text",
        type=not_empty,
        metavar="FILE",
        help="a text or a table; else standard input, or -",
    )
    add_columns(parser.add_argument)


def add_given(parser: ArgumentParser) -> None:
    """Adds the sentences of a command whose --text, if it has one, is a corpus."""
    parser.add_argument(
        "sentences", nargs="*", metavar="SENTENCE", help="the sentences; else standard input, or -"
    )


def add_columns(add: Callable[..., Any]) -> None:
    """Adds the columns of sentences and labels in a table, by the `add_argument` of a parser."""
    add("--text-column", metavar="NAME", help="the column of the sentences, by name or number")
    add("--label-column", metavar="NAME", help="that of their labels")


def add_decoding(parser: ArgumentParser, default: str = "greedy") -> None:
    """Adds the ways to choose words."""
    add = parser.add_argument_group("decoding").add_argument
    add(
        "--decode",
        choices=["greedy", "beam", "sample"],
        default=default,
        help=f"how to choose words ({default})",
    )
    add("--beam-size", type=at_least(int, 1), metavar="K", help="the hypotheses of a beam (5)")
    add("--temperature", type=at_least(float, 1e-3), metavar="T", help="of sampling (1)")
    add("--top-k", type=at_least(int, 1), metavar="K", help="sample from the K likeliest words")
    add("--top-p", type=at_least(float, 1e-6, 1), metavar="P", help="from the likeliest P of all")
    add("--seed", type=at_least(int, 0), default=0, metavar="N", help="of all that is drawn (0)")
    add("--max-length", type=at_least(int, 1), metavar="N", help="the most tokens (256)")
    add_precision(add)


def add_precision(add: Callable[..., Any]) -> None:
    """Adds the precision of encoder and decoder, by the `add_argument` of a parser."""
    add(
        "--precision",
        choices=["32", "bf16-mixed", "16-mixed"],
        default="32",
        help="bf16-mixed is faster and close, 16-mixed is for a GPU (32)",
    )


def decoding_of(arguments: Namespace) -> dict[str, Any]:
    """The options of :meth:`textvae.TextVAE.decode` that a user gave.

    Raises:
        UsageError: If one of them means nothing to the strategy.
    """
    strategy = arguments.decode
    meant_for = {
        "beam_size": "beam",
        "temperature": "sample",
        "top_k": "sample",
        "top_p": "sample",
    }
    for name, other in meant_for.items():
        if getattr(arguments, name) is not None and strategy != other:
            raise UsageError(f"--{name.replace('_', '-')} is for --decode {other}, not {strategy}")
    options = {
        name: getattr(arguments, name) for name in (*meant_for, "max_length", "seed", "precision")
    }
    return {"strategy": strategy} | {k: v for k, v in options.items() if v is not None}


def load(arguments: Namespace, sentences: Sequence[str] = ()) -> "TextVAE":
    """The model that a command is given, on its device, and given the label if one is named.

    Arguments:
        arguments: Those of the command.
        sentences: What it is to read; words that it does not know are counted for the user.

    Raises:
        UsageError: If there is none, or no such device or label, or a sentence is empty.
    """
    for number, sentence in enumerate(sentences, 1):
        if not sentence.strip():
            raise UsageError(f"sentence {number} is empty; give one with words in it")
    folder, foreign = locate(arguments.run)  # before torch, whose import takes a second

    import torch

    from ..api import TextVAE

    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        vae = TextVAE.load(folder, foreign).to(device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {device}: {str(error).splitlines()[0]}") from error
    if lost := vae.tokenizer.count_lost(sentences):
        note(f"words or characters that the model does not know: {lost:,}")
    return vae if arguments.label is None else vae.given(arguments.label)


def read_sentences(arguments: Namespace) -> tuple[list[str], list[str] | None]:
    """The sentences that a command is given: as arguments, in a file, or on standard input; and
    their labels if a column of them is named.

    Raises:
        UsageError: If there are none, or they are given twice.
    """
    if arguments.sentences and arguments.text:
        raise UsageError("sentences are given both as arguments and by --text; leave one out")
    if arguments.sentences not in ([], ["-"]):
        refuse_columns(arguments)
        return list(arguments.sentences), None
    column = arguments.label_column
    if column is not None and arguments.label is not None:
        raise UsageError("labels are given both by --label and --label-column; leave one out")
    return read_text([arguments.text or "-"], arguments.text_column, column)


def read_given(arguments: Namespace) -> list[str]:
    """The sentences of a command whose --text, if it has one, is a corpus: those that are given as
    arguments, or on standard input.

    Raises:
        UsageError: If there are none.
    """
    if arguments.sentences not in ([], ["-"]):
        return arguments.sentences
    if "-" in (getattr(arguments, "text", None) or ()):
        raise UsageError("standard input is the corpus of --text; give sentences as arguments")
    return read_text(["-"])[0]


def read_one(arguments: Namespace) -> str:
    """The only sentence that such a command is given.

    Raises:
        UsageError: If there is none, or more than one.
    """
    sentences = read_given(arguments)
    if len(sentences) != 1:
        raise UsageError(f"it takes one sentence at a time, got {len(sentences)}")
    return sentences[0]


def refuse_columns(arguments: Namespace) -> None:
    """
    Raises:
        UsageError: If columns are named, and there is no file that they could be of.
    """
    for name in ("text_column", "label_column"):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is of a file: name it by --text")


def read_text(
    names: Sequence[str], text_column: str | None = None, label_column: str | None = None
) -> tuple[list[str], list[str] | None]:
    """The sentences of files, at least one, and their labels if a column of them is named.

    Arguments:
        names: Files and patterns, whose names say what they are; - is standard input.
        text_column: The column of the sentences, if they are tables.
        label_column: That of the labels.

    Raises:
        UsageError: If it is not the text that it should be.
    """
    from ..data.opening import find_files
    from ..data.reader import Tally
    from ..data.tables import Columns, read_lines, read_rows

    columns, tally, rows = Columns(text_column, label_column), Tally(), []
    if "-" in names:
        if sys.stdin.isatty():
            note("reading sentences from the terminal, one a line; Ctrl-D ends them")
        rows += read_lines(sys.stdin.buffer, STDIN, columns, tally)
    for path in find_files([name for name in names if name != "-"]):
        rows += read_rows(path, columns, tally)
    for line in tally.notes(", ".join(STDIN if name == "-" else name for name in names)):
        note(line)
    texts, labels = (list(column) for column in zip(*rows, strict=True))
    return texts, None if label_column is None else labels


def print_json(value: Any) -> None:
    """Prints a result as one JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_lines(arguments: Namespace, lines: Sequence[str]) -> None:
    """Prints sentences, one line each, or as JSON where that is asked."""
    if arguments.json:
        print_json(lines)
    else:
        print(*map(one_line, lines), sep="\n")
