"""Small corpora for tests."""

from textvae.data import SentenceData, TextData, WordTokenizer

LINES = [f"sentence number {i} of {i % 7} kinds" for i in range(400)]


def words(text: str | None, **options: object) -> TextData:
    """A text by words."""
    return TextData(text, tokenizer=WordTokenizer(), **options)


def everything(data: SentenceData) -> dict[str, list[str]]:
    """The sentences of each split."""
    return {split: list(data.texts(split)) for split in ("train", "valid", "test")}


TINY = """
--data.train_size 256 --data.valid_size 40 --data.test_size 40 --data.batch_size 32
--encoder.embedding_size 16 --encoder.hidden_size 24
--decoder.embedding_size 16 --decoder.hidden_size 24
--posterior.latent_dim 4 --trainer.max_epochs 2 --samples 4
""".split()
"""Options of a run on the embedded corpus that takes a second."""

A, B = "the young farmers did not feed a goat .", "perhaps the cook burned some pies ."
"""Sentences of the embedded corpus."""
