"""The tokenizer of word pieces."""

__all__ = ["SentencePieceTokenizer"]

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import sentencepiece

from ..errors import UsageError
from ..types import BOS, EOS, PAD, UNK
from .tokenizer import Tokenizer

FILE = "sentencepiece.model"

META_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""What sentencepiece writes for a space inside; a literal one has to be spelt in bytes."""


class SentencePieceTokenizer(Tokenizer):
    """Pieces of words that are learned from the text itself, for raw text in any language.

    No text is lost: nothing is normalised, spaces are kept one by one, and a character outside the
    vocabulary is spelt as its UTF-8 bytes.

    References:
        | SentencePiece: A simple and language independent subword tokenizer and detokenizer
        | for neural text processing (Kudo & Richardson, 2018)
        | https://arxiv.org/abs/1808.06226

    Arguments:
        max_size: The largest vocabulary; small corpora get fewer pieces.
        kind: The model that chooses the pieces: unigram or bpe.
        character_coverage: The share of the text's characters that the vocabulary knows; the rest
            is spelt in bytes.
        train_sentences: The largest number of sentences to learn from, drawn at random.
    """

    lossless = True

    def __init__(
        self,
        max_size: int = 8000,
        kind: Literal["unigram", "bpe"] = "unigram",
        character_coverage: float = 0.9995,
        train_sentences: int = 1_000_000,
    ) -> None:
        if max_size < 300:
            raise ValueError(f"'max_size' must be at least 300 (256 are bytes), got {max_size}.")
        if kind not in ("unigram", "bpe"):
            raise ValueError(f"'kind' must be unigram or bpe, got {kind!r}.")
        if not 0.98 <= character_coverage <= 1:
            raise ValueError(
                f"'character_coverage' must be in [0.98, 1], got {character_coverage}."
            )
        if train_sentences < 1:
            raise ValueError(f"'train_sentences' must be at least 1, got {train_sentences}.")

        self.max_size = max_size
        self.kind = kind
        self.character_coverage = character_coverage
        self.train_sentences = train_sentences

    def fit(self, texts: Iterable[str]) -> None:
        model = io.BytesIO()
        sentencepiece.set_random_generator_seed(0)  # of the draw of training sentences
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_learnable(texts),
                model_writer=model,
                model_type=self.kind,
                vocab_size=self.max_size,
                hard_vocab_limit=False,
                character_coverage=self.character_coverage,
                required_chars=META_SPACE,
                byte_fallback=True,
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                allow_whitespace_only_pieces=True,
                pad_id=PAD,
                bos_id=BOS,
                eos_id=EOS,
                unk_id=UNK,
                input_sentence_size=self.train_sentences,
                shuffle_input_sentence=True,
                max_sentence_length=1 << 20,
                num_threads=4,  # a part of the result: sums are taken thread by thread
                minloglevel=2,
            )
        except RuntimeError as error:
            if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error)):
                raise UsageError(
                    f"the text has too many characters for {self.max_size} pieces; set the "
                    f"tokenizer's max_size to {int(needed[1]) + 1000}, or take CharacterTokenizer"
                ) from error
            if "sentences_.empty()" in str(error):
                raise UsageError(
                    "the text has nothing but tabs and the like to learn pieces from; "
                    "take CharacterTokenizer"
                ) from error
            raise
        self._know(model.getvalue())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> list[int]:
        first, *rest = text.split(META_SPACE)
        tokens = self._model.encode(first)
        for part in rest:
            tokens += self._spelt_space + self._model.encode(part)
        return tokens

    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        return [self._model.decode([i for i in line if i > UNK]) for line in tokens]

    def count_lost(self, texts: Sequence[str]) -> int:
        return 0

    def save(self, folder: Path) -> None:
        (folder / FILE).write_bytes(self._model.serialized_model_proto())

    def restore(self, folder: Path) -> None:
        path = folder / FILE
        try:
            self._know(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(f"{path}: it is missing; copy the whole folder") from None
        except (RuntimeError, ValueError) as error:
            raise UsageError(f"{path}: not a model of ours; save the model again") from error

    def _know(self, proto: bytes) -> None:
        model = sentencepiece.SentencePieceProcessor()
        model.load_from_serialized_proto(proto)
        spelt = [model.piece_to_id(f"<0x{byte:02X}>") for byte in META_SPACE.encode("utf-8")]
        if UNK in spelt or (model.pad_id(), model.unk_id()) != (PAD, UNK):
            raise ValueError("the model lacks the bytes or the reserved numbers")
        self._model, self._spelt_space = model, spelt
        self.vocab_size = model.get_piece_size()


def _learnable(texts: Iterable[str]) -> Iterator[str]:
    """The texts without what sentencepiece reserves: it would leave out whole sentences."""
    for text in texts:
        yield from re.split(f"[\t{META_SPACE}]", text)
