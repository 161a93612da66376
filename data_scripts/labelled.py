"""What the Yahoo and Yelp scripts share: a document a line, perhaps after a label and a tab."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from canonical import SPLITS, Row, find, lines_of

from textvae.errors import UsageError

COUNTS = {"train.sentences": 100_000, "valid.sentences": 10_000, "test.sentences": 10_000}
"""What Yang et al. (2017) published of both."""


def read_folder(folder: Path, name: str) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The documents of each split, and the files that they come from."""
    paths = {split: find(folder, f"{name}.{split}.txt", f"{split}.txt") for split in SPLITS}
    return {split: _rows(path) for split, path in paths.items()}, list(paths.values())


def _rows(path: Path) -> Iterator[Row]:
    columns = 0
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        columns = columns or len(cells)
        if len(cells) != columns or columns > 2:
            raise UsageError(
                f"{path}, line {number}: {len(cells)} columns, where there should be "
                f"{min(columns, 2)}"
            )
        if cells[-1].strip():
            yield cells[-1].strip(), cells[0] if columns == 2 else None
