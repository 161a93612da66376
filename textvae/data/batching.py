"""Batches of sentences of similar length, in an order that a seed fixes."""

__all__ = [
    "BatchPlan",
    "OrderedLoader",
    "SentenceLoader",
    "check_room",
    "collate",
    "length_batches",
]

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..errors import UsageError
from ..types import EOS, PAD, Batch
from .pairs import Pair


def collate(sentences: Sequence[Sequence[int]], index: Sequence[int]) -> Batch:
    """One batch of sentences: ``</s>`` is added and the shorter ones are padded.

    Arguments:
        sentences: The tokens of each sentence; a pair has those that the encoder reads, or a
            label, too.
        index: Their positions in the corpus.
    """
    target = source = _padded(sentences)
    label, first = None, sentences[0]
    if isinstance(first, Pair) and first.source is not None:
        source = _padded([sentence.source for sentence in sentences])
    if isinstance(first, Pair) and first.label is not None:
        label = torch.tensor([sentence.label for sentence in sentences])
    return Batch(*source, *target, torch.as_tensor(index, dtype=torch.long), label)


def _padded(sentences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The tokens of sentences with their ends, and where they are real, both with shape (B, T)."""
    lengths = np.array([len(sentence) for sentence in sentences])
    tokens = np.full((len(sentences), lengths.max() + 1), PAD, dtype=np.int64)
    for row, sentence in zip(tokens, sentences, strict=True):
        row[: len(sentence)] = sentence
        row[len(sentence)] = EOS
    mask = np.arange(tokens.shape[1]) <= lengths[:, None]
    return torch.from_numpy(tokens), torch.from_numpy(mask)


def check_room(sentences: Sequence[Sequence[int]], limit: int | None, reader: str) -> None:
    """Says which sentence has no room.

    Arguments:
        sentences: The tokens of each.
        limit: The most tokens that there is room for, ``</s>`` counted, or None.
        reader: Who has no more room.

    Raises:
        UsageError: If one is longer.
    """
    for number, sentence in enumerate(sentences if limit is not None else (), 1):
        if len(sentence) + 1 > limit:
            raise UsageError(
                f"sentence {number} has {len(sentence) + 1} tokens, and the {reader} positions "
                f"for {limit}; leave it out, or take a model with more"
            )


def length_batches(
    lengths: Sequence[int], max_tokens: int | None = None, max_sentences: int | None = None
) -> list[list[int]]:
    """The positions of all sentences in batches of similar length, shortest first.

    Arguments:
        lengths: The tokens of each sentence, ``</s>`` not counted.
        max_tokens: The largest batch, in tokens: ``</s>`` and padding count. A sentence that is
            longer than that has a batch to itself.
        max_sentences: The largest batch, in sentences.
    """
    lengths = np.asarray(lengths)
    order = np.argsort(lengths, kind="stable")
    ends = _cut(lengths[order], max_tokens, max_sentences)
    return [batch.tolist() for batch in np.split(order, ends[:-1]) if len(batch)]


def _cut(
    lengths: np.ndarray,
    max_tokens: int | None,
    max_sentences: int | None,
    least: int = 1,
) -> list[int]:
    """Where batches end in ascending lengths; `least` sentences go before every limit."""
    ends, start = [], 0
    while start < len(lengths):
        size = min(len(lengths) - start, max_sentences or len(lengths))
        if max_tokens is not None:
            size = min(size, max_tokens // (lengths[start] + 1))
            padded = np.arange(1, size + 1) * (lengths[start : start + size] + 1)  # it ascends
            size = np.count_nonzero(padded <= max_tokens)
        start = min(start + max(size, least), len(lengths))
        ends.append(int(start))
    if len(ends) > 1 and ends[-1] - ends[-2] < least:
        del ends[-2]
    return ends


class BatchPlan:
    """The batches of each training epoch, a function of (seed, epoch) alone.

    Sentences of similar length share a batch; who sits with whom and the order of the batches are
    drawn anew for each epoch. No batch has a single sentence unless the corpus has: it joins its
    neighbours, above the limits if need be. All epochs have equally many batches.

    Several processes share each batch, sentence by sentence in turn, so that a step costs each the
    same and training is that of one process. The limits are those of the whole batch.

    Arguments:
        lengths: The tokens of each sentence, ``</s>`` not counted.
        max_sentences: The largest batch, in sentences, or None.
        max_tokens: The largest batch, in tokens with ``</s>`` and padding, or None.
        max_length: Sentences of more tokens than this are left out.
        seed: The seed of the order.
        rank: The number of this process.
        world_size: How many processes share an epoch.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        max_sentences: int | None = None,
        max_tokens: int | None = None,
        max_length: int | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        lengths = np.asarray(lengths)
        longest = np.inf if max_length is None else max_length
        self.index = np.flatnonzero(lengths <= longest)
        self.lengths = lengths[self.index]
        self.seed, self.rank, self.world_size = seed, rank, world_size
        least = max(2, world_size)
        self._ends = _cut(np.sort(self.lengths), max_tokens, max_sentences, least)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The positions of this process's sentences in each batch of an epoch."""
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.lengths))
        order = order[np.argsort(self.lengths[order], kind="stable")]
        batches = np.split(self.index[order], self._ends[:-1])
        turns = rng.permutation(len(batches))
        return [batches[turn][self.rank :: self.world_size] for turn in turns]

    def __len__(self) -> int:
        return len(self._ends)


class SentenceLoader:
    """The training batches of a corpus; a run that is cut anywhere resumes with the next batch.

    Lightning names the epoch through :meth:`set_epoch` of :attr:`sampler` and keeps
    :meth:`state_dict` in its checkpoints. The loader draws nothing from the global generators.

    Arguments:
        sentences: The tokens of each sentence.
        plan: Which sentences make a batch.
        num_workers: How many processes collate; 0 for this one.
    """

    def __init__(
        self, sentences: Sequence[Sequence[int]], plan: BatchPlan, num_workers: int = 0
    ) -> None:
        self.sentences = sentences
        self.plan = plan
        self.num_workers = num_workers
        self.epoch = 0
        self.position = 0  # batches handed out in this epoch
        self._skip = 0  # batches handed out before the run was cut
        self._batches: list[np.ndarray] = []  # of this epoch

    @property
    def sampler(self) -> "SentenceLoader":
        """Where Lightning looks for :meth:`set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Names the epoch of the next pass."""
        if epoch != self.epoch:
            self.epoch, self._skip = epoch, 0

    def __iter__(self) -> Iterator[Batch]:
        self.position, self._skip = self._skip, 0
        self._batches = self.plan.batches(self.epoch)
        loader = DataLoader(
            _Batches(self.sentences),
            batch_size=None,
            sampler=self._batches[self.position :],
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),
        )
        for batch in loader:
            self.position += 1
            yield batch

    def draws(self, turn: int) -> Iterator[Batch]:
        """Batches of this epoch without end, by the seed and `turn`; the loader stays put."""
        rng = np.random.default_rng((self.plan.seed, turn, 1))
        data = _Batches(self.sentences)
        while True:
            yield data[self._batches[rng.integers(len(self._batches))]]

    def examples(self, count: int) -> list[Batch]:
        """Batches of some training sentences, drawn by the seed alone; the loader stays put."""
        rng = np.random.default_rng(self.plan.seed)
        index = rng.permutation(self.plan.index)[:count]
        chosen = [self.sentences[i] for i in index.tolist()]
        return [
            collate([chosen[row] for row in rows], index[rows])
            for rows in length_batches([len(s) for s in chosen], max_sentences=64)
        ]

    def __len__(self) -> int:
        return len(self.plan)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, in plain numbers."""
        return {"seed": self.plan.seed, "epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to where :meth:`state_dict` was taken."""
        self.plan.seed = state["seed"]
        self.epoch, self._skip = state["epoch"], state["position"]


class _Batches(Dataset):
    """What the data loader asks for one batch at a time, by the positions of its sentences."""

    def __init__(self, sentences: Sequence[Sequence[int]]) -> None:
        self.sentences = sentences

    def __getitem__(self, index: np.ndarray) -> Batch:
        return collate([self.sentences[i] for i in index.tolist()], index)


class OrderedLoader:
    """Batches in a fixed order, for evaluation.

    Arguments:
        sentences: The tokens of each sentence.
        batches: The positions of the sentences of each batch.
    """

    def __init__(
        self, sentences: Sequence[Sequence[int]], batches: Sequence[Sequence[int]]
    ) -> None:
        self.sentences = sentences
        self.batches = batches

    def __iter__(self) -> Iterator[Batch]:
        for index in self.batches:
            yield collate([self.sentences[i] for i in index], index)

    def __len__(self) -> int:
        return len(self.batches)
