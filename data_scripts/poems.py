"""Chinese quatrains from the chinese-poetry collection (MIT; the poems are in the public domain).

    python data_scripts/poems.py chinese-poetry/全唐诗 --out data/zh_quatrain5

The source is a folder with poet.tang.*.json and poet.song.*.json, each a list of poems with their
paragraphs. A quatrain has four verses of five characters (--length 7 for seven); its line joins
them with the punctuation of the source. The collection grows, so that there is no published count.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from canonical import Row, hashed_split, run

from textvae.errors import UsageError

VERSES = 4


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The quatrains of each split."""
    paths = sorted(args.source.glob("poet.*.json"))
    if not paths:
        raise UsageError(f"{args.source}: no file poet.*.json; give a folder of the collection")
    return dict(hashed_split(_quatrains(paths, args.length), args.valid, args.test)), paths


def _quatrains(paths: Iterable[Path], length: int) -> Iterator[Row]:
    verse = rf"[\u3400-\u9fff\U00020000-\U0003ffff]{{{length}}}"
    shape = re.compile(rf"(?:{verse}[，。？！；、]){{{VERSES}}}")
    for path in paths:
        try:
            lines = ["".join(poem["paragraphs"]) for poem in json.loads(path.read_bytes())]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}: no list of poems ({error!r}); fetch it again") from error
        yield from ((line, None) for line in lines if shape.fullmatch(line))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of this script."""
    parser.add_argument("--length", type=int, choices=[5, 7], default=5, help="of a verse (5)")
    parser.add_argument("--valid", type=int, default=842, help="validation quatrains")
    parser.add_argument("--test", type=int, default=842, help="test quatrains")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "zh_quatrain", read, lambda args: {}, add_arguments, argv)


if __name__ == "__main__":
    sys.exit(main())
