"""Half precision learns what float32 learns."""

import csv
from pathlib import Path

import pytest
import torch

from textvae.cli import main

SIZES = """
--data.train_size 2000 --data.valid_size 100 --data.test_size 2 --data.batch_size 32 --samples 1
--encoder.embedding_size 32 --encoder.hidden_size 48 --optimizer.lr 5e-3
--decoder.embedding_size 32 --decoder.hidden_size 48 --posterior.latent_dim 8
--trainer.max_epochs 1
""".split()


def loss(precision: str, *options: str) -> float:
    """The validation loss after sixty steps on the embedded corpus."""
    arguments = ["--name", precision, "--trainer.precision", precision, *SIZES, *options]
    assert main(["train", *arguments]) == 0
    with Path("runs", precision, "metrics.csv").open(newline="") as file:
        found = [row["valid_nll_elbo"] for row in csv.DictReader(file)]
    return float([value for value in found if value][-1])


@pytest.mark.parametrize("half", ["bf16-mixed", "16-mixed"])
def test_half_precision_reaches_the_loss_of_float32(
    half: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if half == "16-mixed" and not torch.cuda.is_available():
        pytest.skip("fp16 with loss scaling needs a GPU")
    monkeypatch.chdir(tmp_path)
    # A fused optimiser does not let its scaled gradients be clipped.
    options = ["--optimizer.fused", "false"] if half == "16-mixed" else []

    full = loss("32-true", *options)
    assert full < 45  # it has learned: an untrained model is at 56
    assert loss(half, *options) == pytest.approx(full, rel=0.01)
