"""Every remedy trains with transformers on both sides; so does the command line."""

import json
from pathlib import Path

import pytest
import torch
import yaml

import textvae
from textvae.wiring.build import build
from textvae.wiring.configs import CONFIGS
from textvae.wiring.parser import instantiate
from textvae.wiring.request import parse

from .helpers import quiet_trainer
from .transformer_pairs import DECODERS, ENCODERS

PAIR = {
    "data": {
        "class_path": "GrammarData",
        "init_args": {"train_size": 12, "valid_size": 4, "test_size": 4, "batch_size": 4},
    },
    "encoder": {"class_path": "TransformerEncoder", "init_args": {"config": ENCODERS["bert"]}},
    "decoder": {"class_path": "TransformerDecoder", "init_args": {"config": DECODERS["gpt2"]}},
    "samples": 2,
    "trainer": {"max_epochs": 1, "callbacks": None, "enable_progress_bar": False},
}
FRAGMENTS = [
    f"{group}/{path.stem}"
    for group in ("posterior", "objective", "auxiliary", "update", "method")
    for path in sorted((CONFIGS / group).glob("*.yaml"))
]
OTHER_DECODER = {"method/convolutional"}
NO_LATENT = {"method/lm"}
FIRST_AN_AUTOENCODER = {
    "update/li2019",
    "update/pretraining",
    "method/ae_free_bits",
    "method/encoder_first",
}


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A configuration of a small transformer pair, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("pair.yaml").write_text(yaml.safe_dump(PAIR), encoding="utf-8")
    return "pair.yaml"


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_every_remedy_takes_its_steps(fragment: str, pair: str) -> None:
    group, _, name = fragment.partition("/")
    options = [f"--config={fragment}"] if group == "method" else [f"--{group}={name}"]
    if fragment in FIRST_AN_AUTOENCODER:
        options += ["--update.length=1"]
    parts = instantiate(parse([f"--config={pair}", *options]).config)
    parts.pop("trainer")
    parts["data"].prepare()
    torch.manual_seed(0)
    module = build(**parts)
    transformers = module.vae.decoder if fragment in NO_LATENT else module.vae.encoder
    before = [p.detach().clone() for p in transformers.parameters()]
    if fragment not in OTHER_DECODER:
        assert type(module.vae.decoder).__name__ == "TransformerDecoder"

    once = {"devices": 1, "max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 0}
    quiet_trainer(Path.cwd(), **once).fit(module, datamodule=parts["data"])

    assert module.batches_seen == 2
    assert all(p.isfinite().all() for p in module.vae.parameters())
    after = list(transformers.parameters())
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    # A posterior that is the prior asks no encoder.
    assert any(moved) or "prior" in fragment or "naive" in fragment


def test_a_run_from_the_command_line(pair: str, capsys: pytest.CaptureFixture[str]) -> None:
    from textvae.cli import main

    train = ["train", "--config", pair, "--name", "mine", "--decoder.inject", "[prefix,memory]"]
    assert main([*train, "--decoder.config.n_layer", "1"]) == 0
    assert "nll_iw" in capsys.readouterr().out
    config = json.loads(Path("runs/mine/model/config.json").read_text())
    assert config["decoder"]["init_args"]["config"]["n_layer"] == 1
    report = json.loads(Path("runs/mine/report.json").read_text())

    assert main(["evaluate", "mine", "--samples", "2", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["nll_iw"] == pytest.approx(report["nll_iw"], rel=1e-5)
    assert len(textvae.load("mine").interpolate("a b", "c d", 3, strategy="beam")) == 3


REFUSALS: dict[str, tuple[list[str], str]] = {
    "a name that cannot be loaded": (
        ["--encoder.pretrained", "./nowhere", "--encoder.config", "null"],
        "cannot build ./nowhere (there is no such folder); name a folder that holds the model",
    ),
    "an encoder for a decoder": (
        ["--decoder.config", json.dumps(ENCODERS["bert"])],
        "model_type bert is an encoder, and a decoder is wanted",
    ),
    "a slip": (["--decoder.config.n_layers", "3"], "no option n_layers; did you mean n_layer?"),
    "both or neither": (["--decoder.pretrained", "gpt2"], "Exactly one of 'config' and 'pretr"),
    "an attention that is not there": (
        ["--decoder.attention", "flash_attention_2"],
        "choose another attention: eager or sdpa",
    ),
    "too few positions": (
        ["--decoder.config.n_positions", "6"],
        "(this clever shepherd did not feed th ...) is longer than the 5 positions of the decoder",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_is_refused_in_one_line(
    case: str, pair: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from textvae.cli import main

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    options, told = REFUSALS[case]
    assert main(["train", "--config", pair, "--name", "none", *options]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert told in error[-1] and error[-1].startswith("textvae train: ")
    assert not Path("runs/none").exists()
