"""The tokenizer of a pretrained model."""

__all__ = ["PretrainedTokenizer"]

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..backbones import find_specials, load_tokenizer, numbering, public_name
from ..errors import UsageError
from ..types import EOS, NUM_SPECIALS, UNK
from .tokenizer import Tokenizer


class PretrainedTokenizer(Tokenizer):
    """Any tokenizer of `transformers`, by name or folder.

    Its tokens are numbered anew: the special ones first, the others in their order. The end of a
    sentence is the tokenizer's end, or else its separator; the start what it puts before a text,
    or else its start or class token. A text that does not come back as it was counts as lost.

    Arguments:
        name: The name or folder of a tokenizer, or of a model that has one.
        trust_remote_code: Whether code that comes with the tokenizer may run.
    """

    def __init__(self, name: str, trust_remote_code: bool = False) -> None:
        self.name = name
        self.trust_remote_code = trust_remote_code
        self._tokenizer: Any = None

    @property
    def vocab_size(self) -> int:
        """How many numbers there are; the tokenizer is read when somebody asks."""
        if self._tokenizer is None:
            self._know(load_tokenizer(self.name, self.trust_remote_code), self.name)
        return len(self._ids)

    @property
    def transformers_tokenizer(self) -> Any:
        """The tokenizer of `transformers`, which numbers tokens as its model does."""
        return self._tokenizer if self.vocab_size else None

    def stored_args(self) -> dict[str, Any]:
        return {**self.init_args, "name": public_name(self.name)}

    def fit(self, texts: Iterable[str]) -> None:
        """Learns nothing: the vocabulary is what it is."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if self.vocab_size == 0 or not texts:
            return []
        found = self._tokenizer(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=True,  # a text is never read as one
            return_attention_mask=False,
            verbose=False,
        )["input_ids"]
        return [[self._numbers.get(i, UNK) for i in line] for line in found]

    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        size = self.vocab_size
        return [
            self._tokenizer.decode(
                [self._ids[i] for i in line if EOS < i < size and i != self._hidden],
                clean_up_tokenization_spaces=False,
            )
            for line in tokens
        ]

    def count_lost(self, texts: Sequence[str]) -> int:
        tokens = self.encode(texts)
        back = self.decode(tokens)
        return sum(
            max(line.count(UNK), int(text != again))
            for line, text, again in zip(tokens, texts, back, strict=True)
        )

    def save(self, folder: Path) -> None:
        if self.vocab_size:
            self._tokenizer.save_pretrained(folder)

    def restore(self, folder: Path) -> None:
        if not (folder / "tokenizer_config.json").is_file():
            raise UsageError(f"{folder}: no tokenizer is there; copy the whole folder")
        self._know(load_tokenizer(str(folder)), str(folder))

    def _know(self, tokenizer: Any, name: str) -> None:
        specials = find_specials(tokenizer, name)
        self._tokenizer = tokenizer
        self._ids = numbering(specials, max(tokenizer.get_vocab().values()) + 1)
        numbers = {i: number for number, i in enumerate(self._ids) if number >= NUM_SPECIALS}
        self._numbers = {**numbers, specials[UNK]: UNK}
        # Where nothing stands for the unknown, its number is another's.
        self._hidden = UNK if specials[UNK] in specials[:UNK] else None
