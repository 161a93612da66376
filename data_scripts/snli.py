"""Stanford Natural Language Inference: the hypotheses, labelled by what they are to their premise.

    python data_scripts/snli.py snli_1.0 --out data/snli
    python data_scripts/snli.py hf:stanfordnlp/snli

The source is the folder with snli_1.0_train.jsonl, snli_1.0_dev.jsonl and snli_1.0_test.jsonl, or
the data set on the hub. Pairs on which the annotators did not agree have no label and are left
out.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from canonical import Row, find, lines_of, run

from textvae.data.reader import Tally
from textvae.data.tables import Columns
from textvae.errors import UsageError

# Of the 550,152 + 10,000 + 10,000 pairs, those that have a label.
PUBLISHED = {
    "train.sentences": 549_367,
    "valid.sentences": 9_842,
    "test.sentences": 9_824,
}

FIELDS = {"hypothesis": "sentence2", "premise": "sentence1"}


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The sentences of each split."""
    if str(args.source).startswith("hf:"):
        # Here, because only the hub needs it.
        from textvae.data.published import DatasetSource

        columns = Columns(args.sentence, "label")
        source = DatasetSource(str(args.source)[3:], (0.05, 0.05), columns=columns)
        return source.rows(Tally(refusals=[])), []
    names = {"train": "train", "valid": "dev", "test": "test"}
    paths = {split: find(args.source, f"snli_1.0_{name}.jsonl") for split, name in names.items()}
    splits = {split: _rows(path, FIELDS[args.sentence]) for split, path in paths.items()}
    return splits, list(paths.values())


def _rows(path: Path, field: str) -> Iterator[Row]:
    for number, line in enumerate(lines_of(path), 1):
        try:
            pair = json.loads(line)
            text, label = pair[field].strip(), pair["gold_label"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}, line {number}: no pair of sentences ({error!r})") from error
        if label != "-":
            yield text, label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of this script."""
    parser.add_argument("--sentence", choices=list(FIELDS), default="hypothesis")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "snli", read, lambda args: PUBLISHED, add_arguments, argv)


if __name__ == "__main__":
    sys.exit(main())
