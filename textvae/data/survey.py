"""What a text holds, in numbers, before anything is made of it."""

__all__ = ["Survey", "histogram", "survey"]

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import numpy as np

from .tables import Row

LEAST_SPACES = 0.01
"""Text with fewer spaces than this fraction of its characters is not written in words."""

BARS = 12


@dataclass(frozen=True)
class Survey:
    """What sentences hold. Units are words, or characters where text is not spaced.

    Arguments:
        sentences: How many there are.
        spaced: Whether spaces separate words.
        units: How many units.
        characters: How many characters.
        kinds: The count of each different unit.
        lengths: The units of each sentence, with shape (N,).
        duplicates: How many sentences repeat an earlier one.
        scripts: The share of the letters that each script has, most first.
        labels: The count of each label.
    """

    sentences: int
    spaced: bool
    units: int
    characters: int
    kinds: Counter[str]
    lengths: np.ndarray
    duplicates: int
    scripts: dict[str, float]
    labels: Counter[str]


def survey(rows: Iterable[Row]) -> Survey:
    """Counts what sentences hold, in one pass; memory grows with the vocabulary.

    Arguments:
        rows: Sentences with their labels.
    """
    words, letters, labels = Counter(), Counter(), Counter()
    sizes, lengths, prints = array("L"), array("L"), array("Q")
    for sentence, label in rows:
        parts = sentence.split()
        words.update(parts)
        letters.update(sentence)
        sizes.append(len(parts))
        lengths.append(len(sentence))
        print_ = blake2b(sentence.encode("utf-8"), digest_size=8).digest()
        prints.append(int.from_bytes(print_, "little"))
        if label is not None:
            labels[label] += 1
    characters = sum(lengths)
    spaced = letters[" "] >= max(1, LEAST_SPACES * characters)
    return Survey(
        sentences=len(lengths),
        spaced=spaced,
        units=sum(sizes) if spaced else characters,
        characters=characters,
        kinds=words if spaced else letters,
        lengths=np.asarray(sizes if spaced else lengths),
        duplicates=len(prints) - len(np.unique(prints)),
        scripts=_scripts(letters),
        labels=labels,
    )


def histogram(lengths: np.ndarray) -> list[tuple[int, int, int]]:
    """Lengths in at most a dozen equal spans: first and last of each, and how many fall there."""
    if len(lengths) == 0:
        return []
    low, high = int(lengths.min()), int(lengths.max())
    width = -(-(high - low + 1) // BARS)
    counts = np.bincount((lengths - low) // width)
    return [(low + i * width, low + (i + 1) * width - 1, int(n)) for i, n in enumerate(counts)]


def _scripts(letters: Counter[str]) -> dict[str, float]:
    totals: Counter[str] = Counter()
    for letter, count in letters.items():
        if letter.isalpha():
            totals[_script(letter)] += count
    total = totals.total()
    return {script: count / total for script, count in totals.most_common()}


@cache
def _script(letter: str) -> str:
    """The script of a letter: the first word of its name in Unicode, Han for ideographs."""
    name = unicodedata.name(letter, "other").split()[0].capitalize()
    return "Han" if name == "Cjk" else name
