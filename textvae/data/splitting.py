"""Splits: those that a corpus has, and those that are taken out of its training sentences."""

__all__ = ["LEAST", "fingerprint", "gather"]

from array import array
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ..errors import UsageError
from .corpus import SPLITS, Splits, write_sentences
from .tables import Row

LEAST = 3
"""Sentences: one for each split."""


def gather(
    given: Mapping[str, Iterable[Row]],
    folder: Path,
    where: str,
    fractions: tuple[float, float] = (0.05, 0.05),
    seed: int = 0,
) -> tuple[Splits, list[str]]:
    """Writes the splits that a corpus has, and takes those that it lacks out of train.

    Arguments:
        given: The sentences of each split; valid and test may be missing.
        folder: Where to write.
        where: What to call the training sentences in an error.
        fractions: The shares of the different sentences for validation and test, if missing.
        seed: The seed of the hash by which they are chosen.

    Returns:
        The splits, and one line for everything that is worth knowing.
    """
    splits, hashes = {}, {}
    for split, rows in given.items():
        hashes[split] = array("Q")
        stream = _hashed(rows, hashes[split], seed)
        splits[split] = write_sentences(folder / f"{split}.arrow", stream)
    shares = {s: f for s, f in zip(SPLITS[1:], fractions, strict=True) if s not in given}
    name = "train" if len(given) > 1 else Path(where).name
    notes = _repeats(name, hashes["train"])
    for split in (split for split in SPLITS[1:] if split in given):
        if seen := np.isin(hashes[split], hashes["train"]).sum():
            total = len(splits[split])
            notes.append(f"{split}: {seen:,} of {total:,} sentences also occur in train")
    least = len(np.unique(hashes["train"])) if shares else len(splits["train"])
    if least < LEAST:
        kind = "different sentences" if shares else "sentences"
        raise UsageError(f"{where}: {least} {kind}; add some, it takes at least {LEAST}")
    if shares:
        place = _carve(np.asarray(hashes["train"]), shares)
        whole = splits["train"]
        taken = {s: whole.select(np.flatnonzero(place == s)) for s in ("train", *shares)}
        splits |= taken
    return {split: splits[split] for split in SPLITS}, notes


def _carve(hashes: np.ndarray, shares: Mapping[str, float]) -> np.ndarray:
    """The name of the split of each sentence; equal sentences have equal hashes."""
    different = np.unique(hashes)
    count = len(different)
    ends = np.searchsorted(different / 2.0**64, np.cumsum(list(shares.values())))
    # Each split has something, however small the file; training has two if at all possible.
    most = count - min(2, count - len(shares))
    for i in range(len(ends)):
        low = ends[i - 1] + 1 if i else 1
        ends[i] = np.clip(ends[i], low, most - (len(ends) - 1 - i))
    place = np.searchsorted(different[ends], hashes, side="right")
    return np.array([*shares, "train"])[place]


def _hashed(rows: Iterable[Row], hashes: array, seed: int) -> Iterator[Row]:
    """Passes sentences on and keeps 64 bits of each."""
    key = str(seed).encode()
    for sentence, label in rows:
        hashes.append(fingerprint(sentence, key))
        yield sentence, label


def fingerprint(sentence: str, key: bytes) -> int:
    """64 bits of a sentence, uniform whatever it says."""
    digest = blake2b(sentence.encode("utf-8"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little")


def _repeats(name: str, hashes: array) -> list[str]:
    repeats = len(hashes) - len(np.unique(hashes))
    return [f"{name}: {repeats:,} of {len(hashes):,} sentences repeat another"] * (repeats > 0)
