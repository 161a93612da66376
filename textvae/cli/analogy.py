"""``textvae analogy``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from ..console import one_line
from ..errors import UsageError
from .common import (
    add_decoding,
    add_run,
    add_sentences,
    decoding_of,
    load,
    print_json,
    read_sentences,
)

DESCRIPTION = """Writes what is to C as B is to A: the sentence at b - a + c, or on a sphere where
the rotation from a to b takes c.

  textvae analogy mine "a cat sleeps ." "some cats sleep ." "a dog barks ."
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_sentences(parser)
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    sentences, labels = read_sentences(arguments)
    if labels is not None:
        raise UsageError("an analogy has one label: give it by --label, not --label-column")
    if len(sentences) != 3:
        raise UsageError(f"an analogy is made of three sentences, A B C, got {len(sentences)}")
    vae = load(arguments, sentences)

    from ..operations import analogy

    line = analogy(vae, *sentences, **options)
    print_json(line) if arguments.json else print(one_line(line))
