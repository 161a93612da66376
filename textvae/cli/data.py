"""``textvae data``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from .common import print_json, print_lines

DESCRIPTION = """Shows what a text holds and how training would read it: its splits, its tokenizer,
whatever was unusual in it, and some sentences as they come back from their tokens."""

SHOWN = 5


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "text",
        metavar="FILE",
        nargs="?",
        help="a text file, or a folder with {train,valid,test}.txt; else the embedded corpus",
    )
    parser.add_argument("--tokenizer", help="its class; what suits the text if none is named")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    from ..wiring.parser import instantiate
    from ..wiring.request import parse

    options = [] if arguments.text is None else ["--text", arguments.text]
    if arguments.tokenizer is not None:
        options += ["--data.tokenizer", arguments.tokenizer]
    data = instantiate(parse(options).config)["data"]
    data.prepare()

    texts, tokens = data.texts("train")[:SHOWN], data.sentences("train")[:SHOWN]
    back = data.tokenizer.decode(tokens)
    if arguments.json:
        sizes = {split: len(data.texts(split)) for split in ("train", "valid", "test")}
        examples = [
            {"sentence": x, "tokens": [int(i) for i in t], "decoded": y}
            for x, t, y in zip(texts, tokens, back, strict=True)
        ]
        print_json({"sentences": sizes, "notes": data.notes, "examples": examples})
    else:
        rows = zip(tokens, back, strict=True)
        print_lines([*data.notes, "", *(f"{len(t):4} tokens  {y}" for t, y in rows)])
