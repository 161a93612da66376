"""Penn Treebank sentences in Mikolov's preprocessing, the benchmark of sentence models.

    python data_scripts/ptb.py simple-examples/data --out data/ptb

The source is the folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt. Unknown words are
<unk>, numbers N; train with `--data words --data.tokenizer.unk_token "<unk>"`.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from canonical import SPLITS, Row, find, lines_of, run

PUBLISHED = {
    "train.sentences": 42_068,
    "valid.sentences": 3_370,
    "test.sentences": 3_761,
    "train.tokens": 929_589,
    "valid.tokens": 73_760,
    "test.tokens": 82_430,
}


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The sentences of each split."""
    paths = {split: find(args.source, f"ptb.{split}.txt", f"{split}.txt") for split in SPLITS}
    splits = {split: ((line.strip(), None) for line in lines_of(p)) for split, p in paths.items()}
    return splits, list(paths.values())


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "ptb", read, lambda args: PUBLISHED, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
