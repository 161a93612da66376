"""Batches: nothing lost, little padding, one order for a seed, and resumption anywhere."""

from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from textvae.data.batching import BatchPlan, OrderedLoader, SentenceLoader, collate, length_batches
from textvae.data.pairs import Pairs
from textvae.types import EOS, PAD, Batch

from .helpers import quiet_trainer

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(1, 40, size=500)
SENTENCES = [RNG.integers(4, 50, size=n).tolist() for n in LENGTHS]

LIMITS = [
    {"max_sentences": 32},
    {"max_tokens": 256},
    {"max_sentences": 16, "max_tokens": 300},
    {"max_tokens": 41},
    {"max_sentences": 2},
]


def test_collate_adds_the_end_and_pads() -> None:
    batch = collate(Pairs([[7, 8, 9], [], [5]], labels=[1, 0, 1])[:], [4, 0, 2])

    assert batch.target.tolist() == [
        [7, 8, 9, EOS],
        [EOS, PAD, PAD, PAD],
        [5, EOS, PAD, PAD],
    ]
    assert batch.target_mask.sum(dim=1).tolist() == [4, 1, 2]
    assert batch.target_mask.tolist() == (batch.target != PAD).tolist()
    assert batch.source is batch.target and batch.source_mask is batch.target_mask
    assert batch.index.tolist() == [4, 0, 2] and batch.label.tolist() == [1, 0, 1]
    assert batch.target.dtype == batch.index.dtype == torch.long


def padded(batch: np.ndarray | list[int]) -> int:
    return len(batch) * (int(LENGTHS[batch].max()) + 1)


@pytest.mark.parametrize("limits", LIMITS)
def test_length_batches_keep_every_sentence_within_the_limits(limits: dict[str, int]) -> None:
    batches = length_batches(LENGTHS, **limits)

    assert sorted(i for batch in batches for i in batch) == list(range(500))
    for batch in batches:
        assert len(batch) <= limits.get("max_sentences", 500)
        assert padded(batch) <= limits.get("max_tokens", 10**9) or len(batch) == 1


def test_length_batches_are_as_large_as_the_budget_allows() -> None:
    batches = length_batches(LENGTHS, max_tokens=256)
    for batch, following in zip(batches, batches[1:], strict=False):
        assert padded([*batch, following[0]]) > 256


def test_a_sentence_over_the_budget_has_a_batch_to_itself() -> None:
    assert length_batches([3, 100, 3], max_tokens=20) == [[0, 2], [1]]
    assert length_batches([], max_tokens=20) == []


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("epoch", [0, 3])
def test_an_epoch_has_every_sentence_once(limits: dict[str, int], epoch: int) -> None:
    plan = BatchPlan(LENGTHS, **limits)
    batches = plan.batches(epoch)

    assert sorted(np.concatenate(batches)) == list(range(500))
    assert len(batches) == len(plan)
    assert min(map(len, batches)) >= 2


def test_training_batches_hold_the_limits_unless_they_would_hold_one_sentence() -> None:
    for batch in BatchPlan(LENGTHS, max_tokens=256).batches(0):
        assert padded(batch) <= 256 or len(batch) <= 3
    for batch in BatchPlan(LENGTHS, max_sentences=32).batches(0):
        assert len(batch) <= 33


def test_a_single_sentence_joins_its_neighbours() -> None:
    sizes = sorted(len(batch) for batch in BatchPlan([5] * 65, max_sentences=32).batches(0))
    assert sizes == [32, 33]
    # Each is over the budget, so that each would be alone.
    sizes = sorted(len(batch) for batch in BatchPlan([30] * 7, max_tokens=20).batches(0))
    assert sizes == [2, 2, 3]
    assert [len(batch) for batch in BatchPlan([9], max_sentences=32).batches(0)] == [1]


def test_the_order_follows_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        plan = BatchPlan(LENGTHS, max_sentences=32, seed=seed)
        return [batch.tolist() for batch in plan.batches(epoch)]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    # Not only the order of the batches changes, but also who shares one.
    assert {frozenset(b) for b in order(1, 2)} != {frozenset(b) for b in order(1, 3)}


def test_batches_have_little_padding() -> None:
    batches = BatchPlan(LENGTHS, max_sentences=16).batches(0)
    real = LENGTHS.sum() + len(LENGTHS)
    assert 1 - real / sum(map(padded, batches)) < 0.05


def test_long_sentences_are_left_out_of_training() -> None:
    plan = BatchPlan(LENGTHS, max_sentences=32, max_length=20)
    seen = np.concatenate(plan.batches(0))
    assert sorted(seen) == np.flatnonzero(LENGTHS <= 20).tolist()
    assert 0 < len(seen) < 500


def test_ranks_share_each_batch_of_an_epoch() -> None:
    whole = BatchPlan(LENGTHS, max_sentences=32).batches(1)
    plans = [BatchPlan(LENGTHS, max_sentences=32, rank=rank, world_size=3) for rank in range(3)]
    parts = [plan.batches(1) for plan in plans]

    assert {len(part) for part in parts} == {len(plan) for plan in plans} == {len(whole)}
    for batch, *shares in zip(whole, *parts, strict=True):
        assert sorted(batch) == sorted(np.concatenate(shares))  # none lost, none doubled
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_each_rank_has_a_sentence_of_each_batch() -> None:
    plans = [BatchPlan(LENGTHS, max_tokens=60, rank=rank, world_size=5) for rank in range(5)]
    assert min(len(batch) for plan in plans for batch in plan.batches(0)) == 1


def test_the_loader_yields_what_the_plan_says() -> None:
    plan = BatchPlan(LENGTHS, max_sentences=32, seed=5)
    loader = SentenceLoader(SENTENCES, plan)
    loader.sampler.set_epoch(4)
    state = torch.get_rng_state()
    batches = list(loader)

    assert len(batches) == len(loader)
    assert torch.equal(state, torch.get_rng_state())  # the global generator is left alone
    for batch, index in zip(batches, plan.batches(4), strict=True):
        assert batch.index.tolist() == index.tolist()
        for row, mask, i in zip(batch.target, batch.target_mask, index, strict=True):
            assert row[mask].tolist() == [*SENTENCES[i], EOS]


def test_workers_change_nothing() -> None:
    def batches(num_workers: int) -> list[Tensor]:
        plan = BatchPlan(LENGTHS, max_sentences=64)
        return [batch.target for batch in SentenceLoader(SENTENCES, plan, num_workers)]

    assert all(map(torch.equal, batches(0), batches(1)))


def test_the_ordered_loader_has_every_sentence_once() -> None:
    loader = OrderedLoader(SENTENCES, length_batches(LENGTHS, max_sentences=100))
    assert len(loader) == len(list(loader)) == 5
    assert sorted(torch.cat([batch.index for batch in loader]).tolist()) == list(range(500))


class Recorder(pl.LightningModule):
    """Adds something to its weight that depends on the order of the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(50))
        self.seen: list[list[int]] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.seen.append(batch.index.tolist())
        return (self.weight[batch.target] - 1).sin()[batch.target_mask].mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.1)


class SaveEachStep(pl.Callback):
    """Saves where a run may be cut: at the end of a batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt", weights_only=False)


def fit(seed: int, limit: float, folder: Path, checkpoint: Path | None = None) -> Recorder:
    """Trains for 20 batches."""
    loader = SentenceLoader(SENTENCES, BatchPlan(LENGTHS, max_sentences=64, seed=seed))
    validation = OrderedLoader(SENTENCES, length_batches(LENGTHS, max_sentences=100))
    saves = None if checkpoint else [SaveEachStep(folder)]
    trainer = quiet_trainer(folder, max_steps=20, callbacks=saves, limit_train_batches=limit)
    trainer.fit(module := Recorder(), loader, validation, ckpt_path=checkpoint, weights_only=True)
    return module


@pytest.mark.filterwarnings("ignore")  # Lightning's advice
@pytest.mark.parametrize("limit", [1.0, 5])  # 8 or 5 batches an epoch
def test_a_cut_run_resumes_with_the_next_batch(limit: float, tmp_path: Path) -> None:
    whole = fit(1, limit, tmp_path)
    for cut in (3, 5, 7, 8, 10, 15, 16):
        # Another seed: what counts is the one in the checkpoint.
        rest = fit(2, limit, tmp_path, tmp_path / f"{cut}.ckpt")
        assert rest.seen == whole.seen[cut:]
        assert torch.equal(rest.weight, whole.weight)
