"""Sentences with more than their tokens: those that an encoder of its own reads, and a label."""

__all__ = ["Pair", "Pairs", "labels_of"]

from collections.abc import Sequence
from typing import Any


class Pair(list[int]):
    """The tokens that a decoder predicts, and what goes with them.

    Arguments:
        target: The decoder's tokens.
        source: The encoder's, or None where they are the same.
        label: The number of the label, or None.
    """

    def __init__(
        self,
        target: Sequence[int],
        source: Sequence[int] | None = None,
        label: int | None = None,
    ) -> None:
        super().__init__(target)
        self.source = source
        self.label = label


class Pairs(Sequence):
    """Sentences of which each is a :class:`Pair`.

    Arguments:
        targets: The decoder's tokens of each.
        sources: The encoder's, or None where they are the same.
        labels: The number of each one's label, or None.
    """

    def __init__(
        self,
        targets: Sequence[Sequence[int]],
        sources: Sequence[Sequence[int]] | None = None,
        labels: Sequence[int] | None = None,
    ) -> None:
        self.targets, self.sources, self.labels = targets, sources, labels

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        source = None if self.sources is None else self.sources[index]
        label = None if self.labels is None else int(self.labels[index])
        return Pair(self.targets[index], source, label)

    def __len__(self) -> int:
        return len(self.targets)


def labels_of(sentences: Sequence[Sequence[int]]) -> Sequence[int] | None:
    """The numbers of the labels of sentences, or None where they have none."""
    if isinstance(sentences, Pairs):
        return sentences.labels
    labels = [sentence.label for sentence in sentences if isinstance(sentence, Pair)]
    return labels if labels and None not in labels else None
