"""Batches from a stream: shuffled by blocks, shared by ranks and workers, resumable."""

__all__ = ["StreamBatches", "StreamLoader"]

from collections.abc import Iterator
from typing import Any

import torch
from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ..errors import UsageError
from ..types import Batch
from .batching import BatchPlan, SentenceLoader, collate
from .stream import Stream
from .tokenizer import Tokenizer

Item = tuple[int, dict[str, Any], Batch | UsageError | None]
"""The worker that made a batch, where it stands after it, and the batch; or what ended it."""

FRESH = {"turn": 0, "block": 0, "place": 0, "stream": None}

PATIENCE = 10
"""For how many turns, times the other shares, a share waits for a file with a sentence."""


class StreamBatches(IterableDataset):
    """Training batches without end, a block of sentences at a time.

    A block is read, its sentences are batched by length in an order that follows from the seed and
    the number of the block, and then the next one is read: memory is that of one block. Where the
    stream ends, it begins again. Files are shared among ranks and workers by `datasets`: whole
    where there are enough of them, else sentence by sentence among ranks.

    Arguments:
        stream: The sentences.
        tokenizer: What makes tokens of them; fitted.
        block: The sentences of a block.
        limits: Those of :class:`BatchPlan`: max_sentences, max_tokens, max_length.
        seed: The seed of the order.
        rank: The number of this process.
        world_size: How many processes share the stream.
    """

    def __init__(
        self,
        stream: Stream,
        tokenizer: Tokenizer,
        block: int,
        limits: dict[str, int | None],
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.stream = stream
        self.tokenizer = tokenizer
        self.block = block
        self.limits = limits
        self.seed, self.rank, self.world_size = seed, rank, world_size
        self.states: dict[int, dict[str, Any]] = {}
        self.late: set[int] = set()

    def __iter__(self) -> Iterator[Item]:
        info = get_worker_info()
        if info is None:
            yield from self._share(0, 1)
            return
        try:
            yield from self._share(info.id, info.num_workers)
        except UsageError as error:  # handed over, since DataLoader would bury it in a traceback
            yield info.id, FRESH, error

    def _share(self, worker: int, workers: int) -> Iterator[Item]:
        """The batches of one of this process' workers."""
        shares, barren = self.world_size * workers, 0
        state = {**FRESH, **self.states.get(worker, {})}
        if worker in self.late:  # its turn of this round is over
            yield worker, state, None
        while True:
            rows = split_dataset_by_node(
                self.stream.open(state["turn"]), self.rank, self.world_size
            )
            if worker >= rows.num_shards > 0:
                return
            began = state["stream"] is None
            if not began:
                rows.load_state_dict(state["stream"])
            for after, batch in self._turn(rows, state):
                state, began = after, False
                yield worker, state, batch
            barren = barren + 1 if began else 0
            # With the turn the files change hands: a share without a sentence has one in another.
            if barren > PATIENCE * (shares - 1):
                raise UsageError(f"{', '.join(self.stream.texts)}: no sentence to train on")
            state = {**FRESH, "turn": state["turn"] + 1, "block": state["block"] + 1}

    def _turn(self, rows: Any, state: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Batch]]:
        """The batches of the rest of a pass through the stream, each with the state after it."""
        block, skip, sentences = state["block"], state["place"], iter(rows)
        while True:
            start = rows.state_dict()
            tokens = self._block(sentences)
            if not tokens:
                return
            plan = BatchPlan([len(line) for line in tokens], seed=self.seed, **self.limits)
            batches = plan.batches(block) if len(plan.lengths) else []
            for place, index in enumerate(batches):
                if place < skip:
                    continue
                chosen = [tokens[i] for i in index.tolist()]
                after = {"turn": state["turn"], "block": block, "place": place + 1}
                yield {**after, "stream": start}, collate(chosen, index)
            block, skip = block + 1, 0

    def _block(self, sentences: Iterator[dict[str, str]]) -> list[list[int]]:
        """The tokens of the next sentences that are for training."""
        texts = []
        for row in sentences:
            if self.stream.is_held_out(row["text"]) is None:
                texts.append(row["text"])
            if len(texts) == self.block:
                break
        return self.tokenizer.encode(texts)


class StreamLoader:
    """Training batches of a stream, in epochs of a fixed number of them.

    The stream goes on from epoch to epoch. A run that is cut anywhere resumes with the next batch:
    each worker reads its block again, and leaves out what it had handed out.

    Arguments:
        batches: The batches.
        length: How many make an epoch.
        head: The beginning of the stream, for callbacks that ask for some sentences.
        num_workers: How many processes read; 0 for this one.
    """

    def __init__(
        self, batches: StreamBatches, length: int, head: SentenceLoader, num_workers: int = 0
    ) -> None:
        self.batches = batches
        self.length = length
        self.head = head
        self.num_workers = num_workers
        self.position = 0  # batches handed out in this epoch
        self._skip = 0  # batches handed out before the run was cut
        self._last = -1  # the worker that handed out the last one
        self._items: Iterator[Item] | None = None

    @property
    def sampler(self) -> "StreamLoader":
        """Where Lightning looks for :meth:`set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Names the epoch of the next pass, which a stream does not mind."""

    def __iter__(self) -> Iterator[Batch]:
        if self._items is None:
            self._items = iter(
                DataLoader(
                    self.batches,
                    batch_size=None,
                    num_workers=self.num_workers,
                    pin_memory=torch.cuda.is_available(),
                    generator=torch.Generator(),
                )
            )
        self.position, self._skip = self._skip, 0
        while self.position < self.length:
            worker, state, batch = next(self._items)
            if isinstance(batch, UsageError):
                raise batch
            if batch is None:
                continue
            self.batches.states[worker], self._last = state, worker
            self.position += 1
            yield batch

    def draws(self, turn: int) -> Iterator[Batch]:
        """Batches of the beginning of the stream without end; the loader stays put."""
        next(iter(self.head), None)
        return self.head.draws(turn)

    def examples(self, count: int) -> list[Batch]:
        """Batches of sentences of the beginning of the stream; the loader stays put."""
        return self.head.examples(count)

    def __len__(self) -> int:
        return self.length

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, in plain data."""
        states = {worker: dict(state) for worker, state in self.batches.states.items()}
        return {
            "seed": self.batches.seed,
            "position": self.position,
            "last": self._last,
            "states": states,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to where :meth:`state_dict` was taken."""
        self.batches.seed = state["seed"]
        self._skip, self._last = state["position"], state["last"]
        self.batches.states = {worker: dict(of) for worker, of in state["states"].items()}
        # The workers up to the last one had their turn, so that the next one's comes first.
        whole_round = self._last == self.num_workers - 1 or self.num_workers == 0
        self.batches.late = set() if whole_round else set(range(self._last + 1))
        self._items = None
