"""Half precision learns what float32 learns."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins import MixedPrecision

from textvae.cli import main
from textvae.nn.precision import emulates_bf16
from textvae.training import Update
from textvae.wiring import trainer
from textvae.wiring.parser import construct
from textvae.wiring.processes import check_precision

from .helpers import leaves
from .test_updates import Count, fit, loader, make, small

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


def scaled() -> MixedPrecision:
    """fp16 with loss scaling, here on a processor too, which is too slow for users.

    Its scale is small, lest the first steps be those that find it and move nothing.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return MixedPrecision("16-mixed", device, torch.amp.GradScaler(device, init_scale=1024.0))


@pytest.fixture
def scaled_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_scaled(cls: type, **options: Any) -> Any:
        if options["precision"] == "16-mixed":
            options |= {"precision": None, "plugins": [*options["plugins"], scaled()]}
        return construct(cls, **options)

    monkeypatch.setattr(trainer, "construct", with_scaled)
    monkeypatch.setattr(trainer, "check_precision", lambda *_: None)


@pytest.mark.parametrize("half", ["bf16-mixed", "16-mixed"])
def test_half_precision_reaches_the_loss_of_float32(
    half: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scaled_anywhere: None
) -> None:
    monkeypatch.chdir(tmp_path)
    # A fused optimiser does not let its scaled gradients be clipped.
    options = ["--optimizer.fused", "false"] if half == "16-mixed" else []

    full = loss("32-true", *options)
    assert full < 45  # it has learned: an untrained model is at 56
    plain = half == "16-mixed" and not torch.cuda.is_available()  # oneDNN has no LSTM in fp16
    with torch.backends.mkldnn.flags(enabled=not plain):
        assert loss(half, *options) == pytest.approx(full, rel=0.01)


@pytest.mark.parametrize("cls", leaves(Update))
def test_every_update_trains_with_scaled_losses(cls: type[Update], tmp_path: Path) -> None:
    module, count = make(small(cls)), Count()
    module.float()
    before = [parameter.clone() for parameter in module.vae.parameters()]
    plugin = MixedPrecision("16-mixed", "cpu")  # in the fit of these tests, all is on a processor
    fit(module, tmp_path, plugins=[plugin], max_epochs=3, callbacks=[count])

    losses = count.of("loss")
    assert all(map(math.isfinite, losses)) and losses[-1] < losses[0]
    assert plugin.scaler.get_scale() > 1 and module.batches_seen == 3 * len(loader())
    for parameter, old in zip(module.vae.parameters(), before, strict=True):
        assert parameter.isfinite().all() and not torch.equal(parameter, old)


@pytest.mark.parametrize("emulated", [True, False])
def test_a_processor_without_bf16_says_so(
    emulated: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: not emulated, raising=False)
    for precision in ("bf16-mixed", "32-true"):
        check_precision(pl.Trainer(accelerator="cpu", logger=False), precision)
    said = capsys.readouterr().err
    assert said.count("has no bf16 instructions, so that bf16-mixed is emulated") == emulated

    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not emulates_bf16()  # unknown: not a word
