"""Yelp reviews, 100,000 documents of 20 to 200 words, as Yang et al. (2017) cut them.

    python data_scripts/yelp.py yelp_data --out data/yelp

The source is the folder with yelp.train.txt, yelp.valid.txt and yelp.test.txt, each line the
stars, a tab and the review. Unknown words are _UNK, an ordinary word.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from canonical import Row, run
from labelled import COUNTS, read_folder


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The reviews of each split."""
    return read_folder(args.source, "yelp")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "yelp", read, lambda args: COUNTS, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
