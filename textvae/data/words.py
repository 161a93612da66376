"""The tokenizer of words."""

__all__ = ["WordTokenizer"]

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..types import EOS, NUM_SPECIALS, UNK
from .tokenizer import Tokenizer
from .vocabulary import check_limits, most_frequent, read_vocabulary, write_vocabulary


class WordTokenizer(Tokenizer):
    """Words, as whitespace separates them.

    A word outside the vocabulary becomes the unknown word, and runs of whitespace become one
    space: text can be lost. The most frequent words have the smallest numbers.

    Arguments:
        min_count: How often a word must occur in the training sentences to be known.
        max_size: The largest number of known words, or None for all.
        unk_token: The word that stands for unknown words in the text itself, such as `<unk>` in
            Penn Treebank; None where there is none, and `<unk>` is a word like any other.
    """

    def __init__(
        self, min_count: int = 1, max_size: int | None = None, unk_token: str | None = None
    ) -> None:
        check_limits(min_count, max_size)

        self.min_count = min_count
        self.max_size = max_size
        self.unk_token = unk_token

    def fit(self, texts: Iterable[str]) -> None:
        counts = Counter(word for text in texts for word in text.split())
        counts.pop(self.unk_token, None)
        self._know(most_frequent(counts, self.min_count, self.max_size))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[self._ids.get(word, UNK) for word in text.split()] for text in texts]

    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        return [" ".join(self._words[i] for i in line if i > EOS) for line in tokens]

    def count_lost(self, texts: Sequence[str]) -> int:
        words = (word for text in texts for word in text.split())
        return sum(word not in self._ids and word != self.unk_token for word in words)

    def save(self, folder: Path) -> None:
        write_vocabulary(folder, self._words[NUM_SPECIALS:])

    def restore(self, folder: Path) -> None:
        self._know(read_vocabulary(folder))

    def _know(self, words: list[str]) -> None:
        self._words = ["", "", "", self.unk_token or "<unk>", *words]
        self._ids = {word: i for i, word in enumerate(words, NUM_SPECIALS)}
        self.vocab_size = len(self._words)
