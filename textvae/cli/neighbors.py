"""``textvae neighbors``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

import dataclasses
from argparse import ArgumentParser, Namespace

from ..console import one_line
from .common import add_given, add_run, at_least, load, print_json, read_given
from .corpora import add_corpus, read_corpus

DESCRIPTION = """Finds the sentences of a corpus whose latents are nearest to that of a sentence.

Prints each with its distance, nearest first: Euclidean, or on a sphere the angle in radians.

  textvae neighbors mine "the cat sat ." --top 3 --text my.txt"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_given(parser)
    parser.add_argument("--top", type=at_least(int, 1), default=5, help="how many for each (5)")
    parser.add_argument(
        "--index",
        choices=["exact", "hnsw"],
        default="exact",
        help="hnsw asks a graph, for large corpora, and may miss some (exact)",
    )
    add_corpus(parser, "train")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    sentences = read_given(arguments)
    texts, labels = read_corpus(arguments)
    vae = load(arguments, sentences)

    from ..operations import neighbors

    found = neighbors(vae, sentences, texts, arguments.top, arguments.index, labels)
    if arguments.json:
        pairs = zip(sentences, found, strict=True)
        rows = [(query, [dataclasses.asdict(one) for one in near]) for query, near in pairs]
        print_json([{"sentence": query, "neighbors": near} for query, near in rows])
        return
    for query, near in zip(sentences, found, strict=True):
        if len(found) > 1:
            print(one_line(query))
        for one in near:
            print(f"{one.distance:.4f}\t{one_line(one.text)}")
