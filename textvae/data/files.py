"""Sentences from text files."""

__all__ = ["FileSource", "FolderSource"]

from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from .corpus import SPLITS, Source, Splits, write_sentences
from .reader import Tally, digest, read_file

LEAST = 3
"""Sentences: one for each split."""


class FolderSource(Source):
    """A folder that holds the splits: train, valid and test, each ``.txt`` or ``.txt.gz``.

    Arguments:
        folder: The folder.
        unk_token: The word that stands for unknown ones in the text, or None.
    """

    def __init__(self, folder: Path, unk_token: str | None = None) -> None:
        self.folder = folder
        self.unk_token = unk_token
        self.files = {}
        for split in SPLITS:
            paths = [folder / f"{split}.txt", folder / f"{split}.txt.gz"]
            self.files[split] = next((path for path in paths if path.is_file()), None)
            if self.files[split] is None:
                raise UsageError(
                    f"{folder}: a folder without {split}.txt; it takes train.txt, valid.txt and "
                    "test.txt there, or a single text file, which is then split"
                )

    def identity(self) -> Any:
        return [self.folder.name, *map(digest, self.files.values())]

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        tally, splits, hashes = Tally(), {}, {}
        for split, path in self.files.items():
            hashes[split] = array("Q")
            sentences = _hashed(read_file(path, tally), hashes[split])
            splits[split] = write_sentences(folder / f"{split}.arrow", sentences)
        if len(splits["train"]) < LEAST:
            raise UsageError(
                f"{self.files['train']}: {len(splits['train'])} sentences; add some, it takes at "
                f"least {LEAST}"
            )
        notes = tally.notes(self.folder.name, self.unk_token)
        notes += _repeats("train", hashes["train"])
        for split in ("valid", "test"):
            if seen := np.isin(hashes[split], hashes["train"]).sum():
                total = len(splits[split])
                notes.append(f"{split}: {seen:,} of {total:,} sentences also occur in train")
        return splits, notes


class FileSource(Source):
    """A text file that is split by a seeded hash of each sentence.

    Copies of a sentence share a split, and where a sentence stands in the file does not matter.

    Arguments:
        path: The file.
        fractions: The shares of the different sentences that are for validation and test.
        seed: The seed of the hash.
        unk_token: The word that stands for unknown ones in the text, or None.
    """

    def __init__(
        self,
        path: Path,
        fractions: tuple[float, float],
        seed: int = 0,
        unk_token: str | None = None,
    ) -> None:
        self.path = path
        self.fractions = fractions
        self.seed = seed
        self.unk_token = unk_token

    def identity(self) -> Any:
        return [self.path.name, digest(self.path), self.fractions, self.seed]

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        tally, hashes = Tally(), array("Q")
        sentences = _hashed(read_file(self.path, tally), hashes, self.seed)
        dataset = write_sentences(folder / "all.arrow", sentences)
        notes = tally.notes(self.path.name, self.unk_token) + _repeats(self.path.name, hashes)
        split = self._split(np.asarray(hashes))
        splits = {name: dataset.select(np.flatnonzero(split == name)) for name in SPLITS}
        return splits, notes

    def _split(self, hashes: np.ndarray) -> np.ndarray:
        """The name of the split of each sentence."""
        different = np.unique(hashes)
        count = len(different)
        if count < LEAST:
            raise UsageError(
                f"{self.path}: {count} different sentences; add some, it takes at least {LEAST}"
            )
        valid, test = self.fractions
        ends = np.searchsorted(different / 2.0**64, [valid, valid + test])
        # Each split has something, however small the file; training has two if at all possible.
        most = count - min(2, count - 2)
        end_valid = np.clip(ends[0], 1, most - 1)
        end_test = np.clip(ends[1], end_valid + 1, most)
        place = np.searchsorted(different[[end_valid, end_test]], hashes, side="right")
        return np.array(["valid", "test", "train"])[place]


def _hashed(sentences: Iterable[str], hashes: array, seed: int = 0) -> Iterator[str]:
    """Passes sentences on and keeps 64 bits of each."""
    key = str(seed).encode()
    for sentence in sentences:
        print_ = blake2b(sentence.encode("utf-8"), digest_size=8, key=key).digest()
        hashes.append(int.from_bytes(print_, "little"))
        yield sentence


def _repeats(name: str, hashes: array) -> list[str]:
    repeats = len(hashes) - len(np.unique(hashes))
    return [f"{name}: {repeats:,} of {len(hashes):,} sentences repeat another"] * (repeats > 0)
