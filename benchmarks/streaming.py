"""Reads generated sentences through the loader of a stream, then trains on it, and watches memory.

    python -m benchmarks.streaming --sentences 20000000 --out docs/results/streaming/figures.json

The sentences are written into files first, of words drawn at random. Memory is the resident memory
of this process and of each worker, seen every so many batches.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import datasets
import numpy as np
import torch

from textvae.data import StreamData, WordTokenizer
from textvae.decoders import LSTMDecoder
from textvae.encoders import LSTMEncoder
from textvae.posteriors import BatchNormPosterior
from textvae.priors import StandardNormal
from textvae.vae import SentenceVAE

WORDS = np.array([f"{a}{b}{c}" for a in "bdfglmn" for b in "aeiou" for c in "krstvz"])
CHUNK = 100_000


def write(folder: Path, sentences: int, files: int) -> None:
    """Writes sentences of 4 to 12 words; their number makes them differ."""
    rng = np.random.default_rng(0)
    for part in range(files):
        with (folder / f"{part:03}.txt").open("w") as file:
            for start in range(0, sentences // files, CHUNK):
                size = min(CHUNK, sentences // files - start)
                lengths = rng.integers(4, 13, size)
                words = WORDS[rng.integers(len(WORDS), size=lengths.sum())]
                rows = np.split(words, lengths.cumsum()[:-1])
                file.writelines(f"{' '.join(row)}\n" for row in rows)


def resident(process: int | str = "self") -> float:
    """The resident memory of a process, in GiB."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 2**20


def watched() -> list[float]:
    """The memory of this process and of its workers, largest first."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    found = [resident()]
    for child in children:
        try:
            found.append(resident(child))
        except (OSError, StopIteration):  # it has just ended
            continue
    return sorted(found, reverse=True)


def read_turn(data: StreamData, every: int) -> Iterator[tuple[int, float, list[float]]]:
    """Reads all training sentences once: how many so far, in what time, at what memory."""
    loader, began, seen, reported = data.train_dataloader(), time.perf_counter(), 0, 0
    done: set[int] = set()
    readers = max(1, data.num_workers)
    items = torch.utils.data.DataLoader(
        loader.batches, batch_size=None, num_workers=data.num_workers
    )
    for worker, state, batch in items:
        if state["turn"] > 0:
            done.add(worker)
            if len(done) == readers:
                break
            continue
        seen += len(batch)
        if seen - reported >= every:
            reported = seen
            yield seen, time.perf_counter() - began, watched()
    yield seen, time.perf_counter() - began, watched()


def train(data: StreamData, steps: int) -> Iterator[tuple[int, float, list[float]]]:
    """Trains a model for some steps: the step, its loss, and the memory."""
    size = data.vocab_size
    encoder = LSTMEncoder(size, 64, 64)
    vae = SentenceVAE(
        encoder, BatchNormPosterior(64, 16), StandardNormal(16), LSTMDecoder(size, 16, 64, 64)
    )
    optimizer = torch.optim.AdamW(vae.parameters(), 2e-3)
    for step, batch in enumerate(data.train_dataloader(), 1):
        terms = vae(batch)
        loss = (terms.kl - terms.log_px_z.mean(0)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % (steps // 5) == 0:
            yield step, loss.item(), watched()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=20_000_000)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as place:
        datasets.config.HF_DATASETS_CACHE = Path(place) / "cache"
        (folder := Path(place) / "text").mkdir()
        write(folder, args.sentences, args.files)
        data = StreamData(
            f"{folder}/*.txt",
            tokenizer=WordTokenizer(),
            batch_size=64,
            batches_per_epoch=args.steps,
            num_workers=args.workers,
        )
        data.prepare()
        rows = {"arguments": {k: str(v) for k, v in vars(args).items()}, "read": [], "train": []}
        for seen, seconds, memory in read_turn(data, args.sentences // 10):
            rows["read"].append({"sentences": seen, "seconds": seconds, "gib": memory})
            print(f"{seen:12,} sentences  {seconds:7.1f} s  {memory} GiB", flush=True)
        for step, loss, memory in train(data, args.steps):
            rows["train"].append({"step": step, "loss": loss, "gib": memory})
            print(f"step {step:5}  loss {loss:7.2f}  {memory} GiB", flush=True)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
