"""Data modules: sentences on disk, batch by batch, for Lightning."""

__all__ = ["TextData"]

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from .batching import BatchPlan, SentenceLoader, collate, length_batches
from .tokenizer import Tokenizer
from .words import WordTokenizer


class TextData(pl.LightningDataModule):
    """Sentences of a prepared folder with train.txt, valid.txt and test.txt.

    Arguments:
        text: The folder.
        tokenizer: How text becomes numbers.
        batch_size: The sentences of a batch; 32 unless this or `batch_tokens` is given.
        batch_tokens: The tokens of a batch, padding counted.
        max_length: Longer sentences, in tokens, are left out of training.
        equal_lengths: Whether the sentences of a training batch have one length.
        num_workers: How many processes collate training batches.
    """

    def __init__(
        self,
        text: str | None = None,
        tokenizer: Tokenizer | None = None,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        max_length: int = 256,
        equal_lengths: bool = False,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        self.text = text
        self.tokenizer = tokenizer or WordTokenizer()
        self.batch_size = 32 if batch_size is None and batch_tokens is None else batch_size
        self.batch_tokens = batch_tokens
        self.max_length = max_length
        self.equal_lengths = equal_lengths
        self.num_workers = num_workers
        self.notes: list[str] = []
        self._texts: dict[str, list[str]] = {}

    def prepare(self) -> None:
        if self._texts:
            return
        for split in ("train", "valid", "test"):
            lines = (Path(self.text) / f"{split}.txt").read_text(encoding="utf-8").split("\n")
            self._texts[split] = [line.strip() for line in lines if line.strip()]
        self.tokenizer.fit(self._texts["train"])
        self._sentences = {k: self.tokenizer.encode(v) for k, v in self._texts.items()}

    def setup(self, stage: str) -> None:
        self.prepare()

    @property
    def vocab_size(self) -> int:
        self.prepare()
        return self.tokenizer.vocab_size

    def texts(self, split: str) -> Sequence[str]:
        self.prepare()
        return self._texts[split]

    def sentences(self, split: str) -> Sequence[Sequence[int]]:
        self.prepare()
        return self._sentences[split]

    def floor(self, split: str) -> float | None:
        return None

    def train_dataloader(self) -> SentenceLoader:
        sentences = self.sentences("train")
        plan = BatchPlan(
            [len(s) for s in sentences],
            self.batch_size,
            self.batch_tokens,
            self.max_length,
            self.equal_lengths,
            seed=torch.initial_seed(),
        )
        return SentenceLoader(sentences, plan, self.num_workers)

    def val_dataloader(self) -> DataLoader:
        return self._in_order("valid")

    def test_dataloader(self) -> DataLoader:
        return self._in_order("test")

    def _in_order(self, split: str) -> DataLoader:
        sentences = self.sentences(split)
        batches = length_batches([len(s) for s in sentences], self.batch_tokens, self.batch_size)
        return DataLoader(
            range(len(sentences)),
            batch_sampler=batches,
            collate_fn=lambda index: collate([sentences[i] for i in index], index),
            generator=torch.Generator(),  # the global one stays as it is
        )
