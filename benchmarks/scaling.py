"""Two processes of one thread against one process of one thread, by the command that users run.

    python -m benchmarks.scaling [--json] [--batches 40] [--repeats 3] [--precision bf16-mixed]

Rates are in tokens a second, of both processes together. Runs of one and of two take turns; the
median counts. `weak` gives each process the batch that the one has, `strong` shares that batch.
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from . import machine

VOCAB, SENTENCES, WORDS = 10_000, 12_000, 21
BATCH_TOKENS = 4096
RUNS = {
    "one process": (1, BATCH_TOKENS),
    "two processes, weak": (2, 2 * BATCH_TOKENS),
    "two processes, strong": (2, BATCH_TOKENS),
}


def write_corpus(folder: Path) -> None:
    """Random sentences of one length, so that every batch has as many tokens."""
    draw = random.Random(0)
    for split, count in {"train": SENTENCES, "valid": 16, "test": 2}.items():
        lines = [
            " ".join(str(draw.randrange(VOCAB)) for _ in range(WORDS)) + "\n" for _ in range(count)
        ]
        (folder / f"{split}.txt").write_text("".join(lines))


def rate(place: Path, name: str, processes: int, batch_tokens: int, options: list[str]) -> float:
    """The tokens a second of a training run."""
    command = [
        *(sys.executable, "-m", "textvae", "train", "--name", name, "--text", str(place)),
        *("--data", "words", "--data.batch_size", "null"),
        *("--data.batch_tokens", str(batch_tokens), "--samples", "1"),
        *("--trainer.accelerator", "cpu", "--trainer.devices", str(processes)),
        *("--trainer.max_epochs", "1", "--trainer.log_every_n_steps", "10"),
        *options,
    ]
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    subprocess.run(
        command,
        cwd=place,
        env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with (place / "runs" / name / "metrics.csv").open(newline="") as file:
        found = [row["tokens_per_second"] for row in csv.DictReader(file)]
    return float([value for value in found if value][-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batches", type=int, default=40, help="the batches of a run")
    parser.add_argument("--repeats", type=int, default=3, help="the runs of each kind")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed")
    arguments = parser.parse_args()
    options = [
        *("--trainer.precision", arguments.precision),
        *("--trainer.limit_train_batches", str(arguments.batches)),
    ]

    rates: dict[str, list[float]] = {name: [] for name in RUNS}
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder))
        for turn in range(arguments.repeats):
            for number, (name, (processes, tokens)) in enumerate(RUNS.items()):
                label = f"run-{turn}-{number}"
                rates[name].append(rate(Path(folder), label, processes, tokens, options))

    medians = {name: statistics.median(values) for name, values in rates.items()}
    if arguments.json:
        described = machine.describe(torch.device("cpu"))
        print(json.dumps({"machine": described, "rates": rates, "medians": medians}, indent=2))
        return
    for name, median in medians.items():
        low, high = min(rates[name]), max(rates[name])
        times = median / medians["one process"]
        print(f"{name:<24}{median:>9,.0f}/s  ({low:,.0f} to {high:,.0f})  {times:.2f}x")


if __name__ == "__main__":
    main()
