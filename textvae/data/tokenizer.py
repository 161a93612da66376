"""Tokenizers: from text to numbers and back."""

__all__ = ["Tokenizer"]

import abc
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from ..component import Component


class Tokenizer(Component, abc.ABC):
    """Abstract tokenizer.

    The numbers 0 to 3 are reserved, see :mod:`textvae.types`; no text is ever read as one of the
    first three, whatever it looks like. To add a tokenizer, implement the abstract methods. A new
    instance knows nothing until :meth:`fit` or :meth:`load`; all it knows is in the files that
    :meth:`save` writes and in the arguments of its constructor.
    """

    vocab_size: int = 0
    """How many numbers there are, the reserved ones included; 0 before :meth:`fit`."""

    unk_token: str | None = None
    """The word of a text that stands for unknown ones, if it has such a word."""

    lossless: bool = False
    """Whether any text comes back from its tokens as it was, character by character."""

    @abc.abstractmethod
    def fit(self, texts: Iterable[str]) -> None:
        """Learns the vocabulary from training sentences, read once, in order."""

    @abc.abstractmethod
    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without ``<s>`` and ``</s>``."""

    @abc.abstractmethod
    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        """The text of each list of tokens; ``<s>``, ``</s>`` and padding are left out."""

    @abc.abstractmethod
    def count_lost(self, texts: Sequence[str]) -> int:
        """How many tokens of the texts stand for something that they do not tell."""

    @abc.abstractmethod
    def save(self, folder: Path) -> None:
        """Writes what :meth:`fit` learned into an existing folder."""

    @abc.abstractmethod
    def restore(self, folder: Path) -> None:
        """Reads what :meth:`save` wrote; raises :class:`UsageError` where it is not all there."""

    @classmethod
    def load(cls, folder: Path, **init_args: Any) -> Self:
        """The tokenizer that was built with `init_args` and saved in `folder`."""
        tokenizer = cls(**init_args)
        tokenizer.restore(folder)
        return tokenizer
