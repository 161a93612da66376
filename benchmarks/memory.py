"""Peak memory of a training step and of importance weighting, beside that of all their logits.

    python -m benchmarks.memory [--json]

Each figure is of a process of its own: its peak, less what it held with the model loaded. The
bound of a training step is what the network itself keeps for its backward pass, which grows with
the tokens, and MAX_LOGITS logits, which does not. That of importance weighting is constant.
"""

import argparse
import json
import subprocess
import sys

import torch

from textvae.metrics import score
from textvae.objectives import BetaELBO
from textvae.types import Batch

from . import machine
from .throughput import LATENT, STEPS, VOCAB, equal_batch, our_model

SIZE = ("LSTM", 256, 256)
TRAINING = (8, 32, 128, 512)
"""Sentences of a training batch."""

WEIGHTING = (5, 50, 500, 5000)
"""Samples of each of two sentences."""


def one(path: str, size: int) -> int:
    """The bytes that a training step, or importance weighting, adds at its peak."""
    torch.manual_seed(0)
    model = our_model(*SIZE)
    batch = equal_batch(2 if path == "weighting" else size)
    run = weighting if path == "weighting" else training
    run(model, equal_batch(2), 2)  # what the libraries themselves keep from a first call on
    before = machine.peak_memory(torch.device("cpu"))
    run(model, batch, size)
    return machine.peak_memory(torch.device("cpu")) - before


def training(model: torch.nn.Module, batch: Batch, size: int) -> None:
    model.train()
    BetaELBO()(model(batch), 0).backward()


def weighting(model: torch.nn.Module, batch: Batch, size: int) -> None:
    sentences = [row[:-1] for row in batch.target.tolist()]
    score(model.eval(), sentences, samples=size)


def measure(path: str, size: int) -> dict[str, float]:
    """What a fresh process needs, in MiB."""
    command = [sys.executable, "-m", "benchmarks.memory", "--one", path, str(size)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = size if path == "training" else 2 * size
    return {
        "rows": rows,
        "peak_mib": int(found) / 2**20,
        "all_logits_mib": 4 * rows * (STEPS + 1) * VOCAB / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(one(arguments.one[0], int(arguments.one[1])))
        return

    report = {
        path: [measure(path, size) for size in sizes]
        for path, sizes in (("training", TRAINING), ("weighting", WEIGHTING))
    }
    if arguments.json:
        print(json.dumps(report, indent=2))
        return
    print(
        f"{SIZE[0]} {SIZE[1]}/{SIZE[2]}/{LATENT}, {VOCAB:,} words, {STEPS + 1} tokens a sentence"
    )
    for path, rows in report.items():
        for row in rows:
            print(
                f"{path:<10}{row['rows']:>6,} sentences or samples: {row['peak_mib']:>7,.0f} MiB, "
                f"where all logits would take {row['all_logits_mib']:>8,.0f}"
            )


if __name__ == "__main__":
    main()
