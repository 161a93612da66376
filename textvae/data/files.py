"""Sentences from files: one, several, or a folder that holds the splits."""

__all__ = ["FileSource", "FolderSource"]

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import chain, product
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .corpus import SPLITS, Splits, TextSource
from .opening import SUFFIXES
from .reader import Tally, digest
from .splitting import gather
from .tables import FORMATS, Columns, Row, read_rows

ALIASES = {"train": ("train",), "valid": ("valid", "validation", "dev"), "test": ("test",)}
"""What the file of a split is called, ahead of its suffixes."""


class FolderSource(TextSource):
    """A folder that holds the splits: train, valid and test, such as ``train.txt``.

    Arguments:
        folder: The folder.
        columns: Where tables hold what.
        unk_token: The word that stands for unknown ones in the text, or None.
    """

    def __init__(
        self, folder: Path, columns: Columns | None = None, unk_token: str | None = None
    ) -> None:
        self.folder = folder
        self.columns = columns or Columns()
        self.unk_token = unk_token
        self.files = {split: _find(folder, split) for split in SPLITS}

    def identity(self) -> Any:
        files = [[path.name, digest(path)] for path in self.files.values()]
        return [self.folder.name, astuple(self.columns), files]

    def rows(self, tally: Tally) -> dict[str, Iterator[Row]]:
        return {split: read_rows(path, self.columns, tally) for split, path in self.files.items()}

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        tally = Tally()
        splits, notes = gather(self.rows(tally), folder, str(self.files["train"]))
        return splits, tally.notes(self.folder.name, self.unk_token) + notes


def _find(folder: Path, split: str) -> Path:
    for stem, kind, packed in product(ALIASES[split], FORMATS, ("", *SUFFIXES)):
        path = folder / f"{stem}{kind}{packed}"
        if path.is_file():
            return path
    raise UsageError(
        f"{folder}: a folder without {split}.txt; it takes train.txt, valid.txt and test.txt "
        "there, or a single text file, which is then split"
    )


class FileSource(TextSource):
    """Files that are split by a seeded hash of each sentence.

    Copies of a sentence share a split, and where a sentence stands in a file does not matter.

    Arguments:
        paths: The files.
        fractions: The shares of the different sentences that are for validation and test.
        seed: The seed of the hash.
        columns: Where tables hold what.
        unk_token: The word that stands for unknown ones in the text, or None.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        fractions: tuple[float, float],
        seed: int = 0,
        columns: Columns | None = None,
        unk_token: str | None = None,
    ) -> None:
        self.paths = paths
        self.fractions = fractions
        self.seed = seed
        self.columns = columns or Columns()
        self.unk_token = unk_token

    def identity(self) -> Any:
        files = [[path.name, digest(path)] for path in self.paths]
        return [files, astuple(self.columns), self.fractions, self.seed]

    def rows(self, tally: Tally) -> dict[str, Iterator[Row]]:
        files = (read_rows(path, self.columns, tally) for path in self.paths)
        return {"train": chain.from_iterable(files)}

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        tally = Tally()
        alone = len(self.paths) == 1
        where = str(self.paths[0]) if alone else f"{len(self.paths)} files"
        splits, notes = gather(self.rows(tally), folder, where, self.fractions, self.seed)
        name = self.paths[0].name if alone else where
        return splits, tally.notes(name, self.unk_token) + notes
