"""Small corpora for tests."""

from textvae.data import SentenceData, TextData, WordTokenizer

LINES = [f"sentence number {i} of {i % 7} kinds" for i in range(400)]


def words(text: str | None, **options: object) -> TextData:
    """A text by words."""
    return TextData(text, tokenizer=WordTokenizer(), **options)


def everything(data: SentenceData) -> dict[str, list[str]]:
    """The sentences of each split."""
    return {split: list(data.texts(split)) for split in ("train", "valid", "test")}
