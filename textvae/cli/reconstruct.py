"""``textvae reconstruct``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from .common import (
    add_decoding,
    add_run,
    add_sentences,
    decoding_of,
    load,
    print_json,
    print_lines,
    read_sentences,
)

DESCRIPTION = "Encodes sentences and decodes them again, one line each."


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_sentences(parser)
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    sentences, labels = read_sentences(arguments)
    back = load(arguments, sentences).reconstruct(sentences, label=labels, **options)
    if arguments.json:
        pairs = zip(sentences, back, strict=True)
        print_json([{"sentence": x, "reconstruction": y} for x, y in pairs])
    else:
        print_lines(arguments, back)
