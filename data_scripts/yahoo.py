"""Yahoo answers, 100,000 documents of 20 to 200 words, as Yang et al. (2017) cut them.

    python data_scripts/yahoo.py yahoo_data --out data/yahoo

The source is the folder with yahoo.train.txt, yahoo.valid.txt and yahoo.test.txt, a document a
line, with or without a topic and a tab ahead of it. Unknown words are _UNK, an ordinary word.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from canonical import Row, run
from labelled import COUNTS, read_folder


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The documents of each split."""
    return read_folder(args.source, "yahoo")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "yahoo", read, lambda args: COUNTS, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
