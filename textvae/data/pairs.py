"""Sentences in two vocabularies: the decoder's, and the encoder's."""

__all__ = ["Pair", "Pairs"]

from collections.abc import Sequence
from typing import Any


class Pair(list[int]):
    """The tokens that a decoder predicts, and beside them those that an encoder reads.

    Arguments:
        target: The decoder's tokens.
        source: The encoder's.
    """

    def __init__(self, target: Sequence[int], source: Sequence[int]) -> None:
        super().__init__(target)
        self.source = source


class Pairs(Sequence):
    """Sentences of which each is a :class:`Pair`.

    Arguments:
        targets: The decoder's tokens of each.
        sources: The encoder's.
    """

    def __init__(self, targets: Sequence[Sequence[int]], sources: Sequence[Sequence[int]]) -> None:
        self.targets, self.sources = targets, sources

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        return Pair(self.targets[index], self.sources[index])

    def __len__(self) -> int:
        return len(self.targets)
