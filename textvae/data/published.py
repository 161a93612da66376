"""Data sets of the Hugging Face hub, by name, and folders in its formats."""

__all__ = ["PREFIX", "DatasetSource", "is_saved", "load", "unreadable"]

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Dataset, IterableDataset

from ..errors import UsageError
from .corpus import Splits, TextSource
from .reader import Tally
from .splitting import gather
from .tables import Cells, Columns, Row, accepted

PREFIX = "hf:"
"""What the name of a data set begins with where a path could stand: ``hf:owner/name:subset``."""

NAMES = {"train": "train", "validation": "valid", "valid": "valid", "dev": "valid", "test": "test"}
"""What its splits are called here; others are left alone."""


def is_saved(folder: Path) -> bool:
    """Whether `datasets` saved a data set in this folder."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


class DatasetSource(TextSource):
    """A data set of the hub or in a local folder; a missing valid or test is taken out of train.

    Arguments:
        name: Its name on the hub, or a folder, and a subset after a colon, if it has some.
        fractions: The shares of the different sentences for validation and test, if missing.
        seed: The seed of the hash by which they are chosen.
        columns: Where it holds what.
        unk_token: The word that stands for unknown ones in the text, or None.
    """

    def __init__(
        self,
        name: str,
        fractions: tuple[float, float],
        seed: int = 0,
        columns: Columns | None = None,
        unk_token: str | None = None,
    ) -> None:
        self.name = name
        self.fractions = fractions
        self.seed = seed
        self.columns = columns or Columns()
        self.unk_token = unk_token
        self.found = load(name)

    def identity(self) -> Any:
        prints = {split: dataset._fingerprint for split, dataset in self.found.items()}
        return [self.name, prints, astuple(self.columns), self.fractions, self.seed]

    def rows(self, tally: Tally) -> dict[str, Iterator[Row]]:
        if "train" not in self.found:
            raise UsageError(f"{self.name}: no split train; there are: {', '.join(self.found)}")
        return {
            NAMES[split]: self._rows(dataset, f"{self.name}, {split}", tally)
            for split, dataset in self.found.items()
            if split in NAMES
        }

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        tally = Tally()
        splits, notes = gather(self.rows(tally), folder, self.name, self.fractions, self.seed)
        if left := [split for split in self.found if split not in NAMES]:
            notes.append(f"{self.name}: not read: {', '.join(left)}")
        return splits, tally.notes(self.name, self.unk_token) + notes

    def _rows(self, dataset: Dataset, where: str, tally: Tally) -> Iterator[Row]:
        text, label = self.columns.chosen(dataset.column_names, where)
        cells = _cells(dataset, text, label, where)
        yield from accepted(cells, where, self.columns, tally)


def _cells(dataset: Dataset, text: str, label: str | None, where: str) -> Cells:
    kind = dataset.features[label] if label else None
    number = 0
    for rows in dataset.select_columns([text] + [label] * bool(label)).iter(1000):
        labels = rows[label] if label else [None] * len(rows[text])
        for value, given in zip(rows[text], labels, strict=True):
            number += 1
            if isinstance(kind, ClassLabel):
                given = kind.int2str(given) if given is not None and given >= 0 else None
            yield f"{where}, row {number}", value, given


def load(name: str, streaming: bool = False) -> dict[str, Dataset | IterableDataset]:
    """The splits of a data set: on disk, or still where they are.

    Arguments:
        name: Its name on the hub, or a folder, and a subset after a colon, if it has some.
        streaming: Whether to download nothing; what was saved is on disk in any case.

    Raises:
        UsageError: If there is none, or it needs a subset or a network that is not there.
    """
    place, _, subset = name.partition(":")
    folder = Path(place).expanduser()
    try:
        if is_saved(folder):
            found = datasets.load_from_disk(str(folder))
        else:
            known = str(folder) if folder.is_dir() else place
            found = datasets.load_dataset(known, subset or None, streaming=streaming)
    except Exception as error:
        raise unreadable(
            f"{PREFIX}{name}: cannot be loaded",
            error,
            "check the name, after which a subset may stand, as in hf:owner/name:subset",
        ) from error
    return dict(found) if isinstance(found, dict) else {"train": found}


def unreadable(what: str, error: Exception, mend: str) -> UsageError:
    """What to say of an error of `datasets`, which lets through those of all that it reads by."""
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return UsageError(f"{what} ({reason}); {mend}")
