"""The tokenizer of characters."""

__all__ = ["CharacterTokenizer"]

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..types import EOS, NUM_SPECIALS, UNK
from .tokenizer import Tokenizer
from .vocabulary import check_limits, most_frequent, read_vocabulary, write_vocabulary


class CharacterTokenizer(Tokenizer):
    """Characters (Unicode code points), for text without spaces, such as Chinese or SMILES.

    A character outside the vocabulary is spelt as its UTF-8 bytes, so that no text is lost; with
    a `min_count` of 2 the bytes occur in training as well.

    Arguments:
        min_count: How often a character must occur in the training sentences to be known.
        max_size: The largest number of known characters, or None for all.
        byte_fallback: Whether the vocabulary has the 256 bytes. Without them, a character outside
            it becomes the unknown one and is lost.
    """

    def __init__(
        self, min_count: int = 2, max_size: int | None = None, byte_fallback: bool = True
    ) -> None:
        check_limits(min_count, max_size)

        self.min_count = min_count
        self.max_size = max_size
        self.lossless = byte_fallback
        self._first = NUM_SPECIALS + 256 * byte_fallback  # the number of the first character

    def fit(self, texts: Iterable[str]) -> None:
        counts = Counter()
        for text in texts:
            counts.update(text)
        self._know(most_frequent(counts, self.min_count, self.max_size))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[i for character in text for i in self._encode(character)] for text in texts]

    def _encode(self, character: str) -> list[int]:
        if character in self._ids:
            return [self._ids[character]]
        if not self.lossless:
            return [UNK]
        return [NUM_SPECIALS + byte for byte in character.encode("utf-8")]

    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        # Through bytes, as a model may write some that make no character.
        lines = (b"".join(self._bytes[i] for i in line if i > EOS) for line in tokens)
        return [line.decode("utf-8", errors="replace") for line in lines]

    def count_lost(self, texts: Sequence[str]) -> int:
        return sum(i == UNK for line in self.encode(texts) for i in line)

    def save(self, folder: Path) -> None:
        write_vocabulary(folder, list(self._ids))

    def restore(self, folder: Path) -> None:
        self._know(read_vocabulary(folder))

    def _know(self, characters: list[str]) -> None:
        self._ids = {character: i for i, character in enumerate(characters, self._first)}
        spelling = [bytes([byte]) for byte in range(self._first - NUM_SPECIALS)]
        self._bytes = [b"", b"", b"", "\N{REPLACEMENT CHARACTER}".encode(), *spelling]
        self._bytes += [character.encode("utf-8") for character in characters]
        self.vocab_size = len(self._bytes)
