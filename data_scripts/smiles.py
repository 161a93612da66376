"""Molecules as SMILES: the 250,000 of ZINC that Gomez-Bombarelli et al. (2018) used.

    python data_scripts/smiles.py 250k_rndm_zinc_drugs_clean_3.csv --out data/zinc250k

The source is their CSV file, whose column smiles has the molecules. Read SMILES by character:
`--data characters`.
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from canonical import Row, hashed_split, lines_of, run

from textvae.errors import UsageError

TOTAL = 249_455
"""The rows of the published file, as those who use it count them; equal ones would be one here."""


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The molecules of each split."""
    rows = hashed_split(_rows(args.source), args.valid, args.test)
    return dict(rows), [args.source]


def _rows(path: Path) -> Iterator[Row]:
    reader = csv.DictReader(f"{line}\n" for line in lines_of(path))
    names = reader.fieldnames or []
    if "smiles" not in names:
        raise UsageError(f"{path}: no column smiles; there are: {', '.join(names)}")
    for row in reader:
        if not (row["smiles"] or "").strip():
            raise UsageError(f"{path}, line {reader.line_num}: no molecule; fetch the file again")
        yield row["smiles"].strip(), None


def published(args: argparse.Namespace) -> dict[str, int]:
    """The counts of the published file under this split."""
    train = TOTAL - args.valid - args.test
    return {"train.sentences": train, "valid.sentences": args.valid, "test.sentences": args.test}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of this script."""
    parser.add_argument("--valid", type=int, default=10_000, help="validation molecules")
    parser.add_argument("--test", type=int, default=10_000, help="test molecules")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "zinc250k", read, published, add_arguments, argv)


if __name__ == "__main__":
    sys.exit(main())
