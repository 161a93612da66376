"""``textvae interpolate``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from .common import (
    add_decoding,
    add_run,
    add_sentences,
    at_least,
    decoding_of,
    load,
    not_empty,
    print_lines,
    read_sentences,
    read_text,
)
from .corpora import own_data

DESCRIPTION = """Decodes the way from one sentence to another, both ends included.

  textvae interpolate mine "the cat sat ." "a dog ran away ." --steps 7
  textvae interpolate mine "the cat sat ." "a dog ran away ." --path aggregate"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_sentences(parser)
    parser.add_argument("--steps", type=at_least(int, 2), default=7, help="the lines to write (7)")
    parser.add_argument(
        "--path",
        choices=["auto", "linear", "spherical", "aggregate"],
        default="auto",
        help="the way; auto is that of the prior's space, aggregate leads past other sentences",
    )
    parser.add_argument(
        "--through",
        nargs="+",
        type=not_empty,
        metavar="FILE",
        help="the sentences that aggregate leads past, else those that the run was trained on",
    )
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    sentences, labels = read_sentences(arguments)
    if len(sentences) != 2:
        raise UsageError(f"interpolation goes between two sentences, got {len(sentences)}")
    if arguments.path == "aggregate":
        if labels is not None:
            raise UsageError("--path aggregate is for one label: give it by --label")
        print_lines(arguments, _followed(arguments, sentences, options))
        return
    if arguments.through:
        raise UsageError(f"--through is for --path aggregate, not {arguments.path}")
    path = None if arguments.path == "auto" else arguments.path
    vae = load(arguments, sentences)
    lines = vae.interpolate(*sentences, steps=arguments.steps, path=path, label=labels, **options)
    print_lines(arguments, lines)


def _followed(
    arguments: Namespace, sentences: Sequence[str], options: dict[str, Any]
) -> list[str]:
    """The lines of the way along the aggregate posterior."""
    labels = None
    if arguments.through:
        texts, _ = read_text(arguments.through)
    else:
        data = own_data(arguments.run, "--through")
        texts, labels = list(data.texts("train")), data.labels("train")
    vae = load(arguments, sentences)

    from ..operations import follow

    return follow(vae, *sentences, texts=texts, steps=arguments.steps, labels=labels, **options)
