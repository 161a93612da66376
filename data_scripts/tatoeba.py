"""Sentences of one language from Tatoeba (CC BY 2.0).

    python data_scripts/tatoeba.py sentences.csv --language eng --out data/tatoeba_eng
    python data_scripts/tatoeba.py cmn.txt --column 1 --out data/tatoeba_eng

The source is the weekly export, whose lines are number, language and sentence between tabs; or,
with --column, a file of pairs with the sentences in one of its columns, such as those for Anki.
Equal sentences are one. Both grow every week, so that there is no published count; the manifest
has the fingerprint of the source instead.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from canonical import Row, hashed_split, lines_of, run

from textvae.cli.common import at_least
from textvae.errors import UsageError


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The sentences of each split."""
    rows = _rows(args.source, args.language, args.column)
    return dict(hashed_split(rows, args.valid, args.test)), [args.source]


def _rows(path: Path, language: str, column: int | None) -> Iterator[Row]:
    place = 2 if column is None else column - 1
    for number, line in enumerate(lines_of(path), 1):
        cells = line.split("\t")
        if len(cells) <= max(place, 1 if column is None else 0):
            raise UsageError(f"{path}, line {number}: {len(cells)} columns, no column {place + 1}")
        if (column is not None or cells[1] == language) and cells[place].strip():
            yield cells[place].strip(), None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of this script."""
    parser.add_argument("--language", default="eng", help="in the export (eng)")
    parser.add_argument("--column", type=at_least(int, 1), help="of a file of pairs, from 1")
    parser.add_argument("--valid", type=int, default=5000, help="validation sentences")
    parser.add_argument("--test", type=int, default=5000, help="test sentences")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "tatoeba", read, lambda args: {}, add_arguments, argv)


if __name__ == "__main__":
    sys.exit(main())
