"""The data module of a stream."""

__all__ = ["StreamData"]

import torch

from ..errors import UsageError
from .batching import BatchPlan, SentenceLoader
from .corpus import Source
from .module import SentenceData
from .stream import HeadSource, Stream
from .stream_loader import StreamBatches, StreamLoader
from .tables import Columns
from .tokenizer import Tokenizer


class StreamData(SentenceData):
    """Text that is larger than the memory or the disk, read as it comes and never prepared.

    The tokenizer learns from the beginning of the stream, and validation and test are of sentences
    that a hash holds out, from its beginning too. An epoch is a number of batches; where the
    stream ends it begins again. With several processes, each reads its share, and batches it by
    itself: a step is of other sentences than in one process, unlike with every other corpus.

    Arguments:
        text: A file, several, a pattern such as "corpus/*.jsonl.zst", or hf:owner/name:subset,
            which is streamed from the hub, or a folder that `datasets` saved. Files are what is
            shared among workers: best have a few for each.
        text_column: The column of the sentences in a table, as for TextData.
        tokenizer: What makes tokens of text. None takes what suits the beginning.
        batch_size: The largest batch in sentences; 32 if neither limit is given.
        batch_tokens: The largest batch in tokens, </s> and padding counted.
        max_length: The longest training sentence, in tokens; evaluation has no such limit.
        batches_per_epoch: The batches after which validation comes.
        block: The sentences that are in memory at once, to be shuffled and batched by length.
        head: The sentences from which the tokenizer learns.
        held_out: The sentences of validation, and of the test.
        held_out_share: The share of the different sentences that training never sees.
        seed: The seed of what is held out; the order of batches follows the run's own.
        num_workers: How many processes read; 0 for none but this one.
    """

    def __init__(
        self,
        text: str | list[str] | None = None,
        text_column: str | None = None,
        tokenizer: Tokenizer | None = None,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        max_length: int = 256,
        batches_per_epoch: int = 1000,
        block: int = 20_000,
        head: int = 100_000,
        held_out: int = 1000,
        held_out_share: float = 0.02,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        super().__init__(tokenizer, batch_size, batch_tokens, max_length, num_workers)

        sizes = {"batches_per_epoch": batches_per_epoch, "block": block, "head": head}
        for name, size in (sizes | {"held_out": held_out}).items():
            if size < 2:
                raise ValueError(f"'{name}' must be at least 2, got {size}.")
        if not 0 < held_out_share < 1:
            raise ValueError(f"'held_out_share' must be between 0 and 1, got {held_out_share}.")

        self.text = text
        self.columns = Columns(text_column)
        self.sizes = sizes
        self.held_out = held_out
        self.held_out_share = held_out_share
        self.seed = seed

    @property
    def stream(self) -> Stream:
        """All sentences, as they come."""
        texts = [self.text] if isinstance(self.text, str) else self.text
        if not texts:
            raise UsageError("no text: name a file, one sentence a line, by --data.text")
        return Stream(tuple(texts), self.columns, self.seed, self.held_out_share)

    def source(self) -> Source:
        return HeadSource(self.stream, self.sizes["head"], self.held_out)

    def floor(self, split: str) -> float | None:
        return None

    def train_dataloader(self) -> StreamLoader:
        rank, processes = self._place()
        size = None if self.batch_size is None else max(2, self.batch_size // processes)
        tokens = None if self.batch_tokens is None else max(2, self.batch_tokens // processes)
        limits = {"max_sentences": size, "max_tokens": tokens, "max_length": self.max_length}
        seed = torch.initial_seed()
        batches = StreamBatches(
            self.stream, self.tokenizer, self.sizes["block"], limits, seed, rank, processes
        )
        plan = BatchPlan(self.corpus.lengths["train"], seed=seed, **limits)
        head = SentenceLoader(self.sentences("train"), plan)
        return StreamLoader(batches, self.sizes["batches_per_epoch"], head, self.num_workers)
