"""``textvae train``: what a run leaves behind, how it ends, and how it goes on."""

import csv
import json
import os
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tqdm import tqdm

import textvae
from textvae.runs import held

from .corpora import TINY, A, B

Run = Callable[..., tuple[int, str, str]]


# What a run leaves behind


def test_training_fills_a_run_folder(place: Path) -> None:
    folder = place / "runs" / "tiny"
    report = json.loads((folder / "report.json").read_text())
    curves = (folder / "metrics.csv").read_text().splitlines()

    expected = {"config", "model", "checkpoints", "metrics", "report", "sentences", "samples"}
    expected |= {"events", "text"}
    found = {path.name.split(".")[0] for path in folder.iterdir()}
    assert found == expected
    assert {p.name for p in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert {"nll_iw", "nll_elbo", "ppl_iw", "kl", "mi_full", "au", "z_gain"} <= report.keys()
    assert report["floor"] < report["nll_iw"] < report["nll_elbo"]
    assert report["protocol"]["samples"] == 4
    assert report["versions"]["torch"] == torch.__version__
    assert report["seconds"].keys() == {"train", "evaluate"}
    assert report["hardware"]["cores"] >= 1
    assert {"epoch", "step", "valid_nll_elbo"} <= set(curves[0].split(","))
    single = json.loads((folder / "sentences.json").read_text())
    assert single.keys() == {"nll_iw", "nll_elbo", "kl", "z_gain"}
    for name, values in single.items():
        assert len(values) == report["protocol"]["sentences"]
        assert sum(values) / len(values) == pytest.approx(report[name], abs=1e-4)
    assert sum("Reconstructions" in line for line in open(folder / "samples.txt")) == 1
    for checkpoint in (folder / "checkpoints").iterdir():
        assert torch.load(checkpoint, weights_only=True)["epoch"] <= 1


def test_an_evaluation_leaves_what_training_said(command: Run, place: Path) -> None:
    """As of a training in two processes, which the one that evaluates it had made one."""
    report = place / "runs" / "tiny" / "report.json"
    content = report.read_text()
    trained = json.loads(content)
    assert trained["training"] == {k: trained[k] for k in ("versions", "git_revision", "hardware")}
    trained["training"]["hardware"]["processes"] = 2
    report.write_text(json.dumps(trained))
    assert command("evaluate", "tiny", "--samples", "2")[0] == 0
    evaluated = json.loads(report.read_text())
    report.write_text(content)

    assert evaluated["protocol"]["samples"] == 2
    for name in ("training", "doctor", "epoch"):
        assert evaluated[name] == trained[name]
    assert evaluated["seconds"]["train"] == trained["seconds"]["train"]
    assert evaluated["hardware"]["processes"] == 1


def test_a_name_in_use_is_refused(command: Run) -> None:
    assert command("train", "--name", "tiny") == (
        2,
        "",
        "textvae train: runs/tiny exists; choose another --name, or continue it with --resume "
        "runs/tiny\n",
    )


def test_a_run_goes_on_in_one_process_at_a_time(command: Run, place: Path) -> None:
    folder = place / "runs" / "tiny"
    asked = (folder / "config.yaml").read_text()
    with held(folder):
        code, out, err = command("train", "--resume", "tiny", "--trainer.max_epochs", "9")

    assert (code, out) == (2, "") and "runs/tiny is in use by another process; wait for" in err
    assert (folder / "config.yaml").read_text() == asked


def test_the_configuration_of_a_run_gives_the_same_model(command: Run, place: Path) -> None:
    code, out, _ = command("train", "--config", "runs/tiny/config.yaml", "--name", "again")
    one, two = (textvae.load(f"runs/{name}").vae.state_dict() for name in ("tiny", "again"))

    assert code == 0 and "nll_iw" in out and "Interpolation" in out
    torch.testing.assert_close(two, one, rtol=0, atol=0)


def test_the_best_epoch_is_what_is_kept(place: Path) -> None:
    best = torch.load(place / "runs/tiny/checkpoints/best.ckpt", weights_only=True)
    kept = textvae.load(place / "runs/tiny").vae.state_dict()
    with (place / "runs/tiny/metrics.csv").open(newline="") as file:
        losses = [float(row["valid_loss"]) for row in csv.DictReader(file) if row["valid_loss"]]
    report = json.loads((place / "runs/tiny/report.json").read_text())

    assert report["epoch"] == best["epoch"] + 1 == 1 + losses.index(min(losses))
    assert all(
        torch.equal(value, best["state_dict"][f"vae.{name}"]) for name, value in kept.items()
    )


SHORTER = """
--data.train_size 4000 --data.valid_size 100 --data.test_size 100 --data.batch_size 32
--trainer.max_epochs 4 --objective.beta.length 1ep --samples 8
""".split()


def test_the_default_does_not_collapse(command: Run) -> None:
    """The default model at its size, on the embedded corpus, trained for a third of the time."""
    assert command("train", "--name", "default", *SHORTER)[0] == 0

    report = json.loads(Path("runs/default/report.json").read_text())
    assert report["latent_dim"] == 32 and report["z_gain"] > 1
    lines = command("interpolate", "default", A, B)[1].splitlines()
    assert len(lines) == 7 and len(set(lines)) >= 3


# Interruption


class SignalAt(pl.Callback):
    """Sends this process a signal at some batch, in the middle of it."""

    def __init__(self, batch: int, number: int = signal.SIGINT) -> None:
        self.batch = batch
        self.number = number
        self.sent = False  # an update may go backward several times in a batch

    def on_before_backward(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: torch.Tensor
    ) -> None:
        if pl_module.batches_seen == self.batch and not self.sent:
            self.sent = True
            os.kill(os.getpid(), self.number)


def test_a_checkpoint_of_another_model_is_refused(command: Run, place: Path) -> None:
    """Of other sizes, or of an optimiser with other groups of parameters."""
    assert command("train", "--name", "other", *TINY)[0] == 0
    told = "runs/other/checkpoints/last.ckpt is of another model; resume without new options"
    code, _, err = command("train", "--resume", "other", "--decoder.hidden_size", "32")
    assert code == 2 and err.splitlines()[-1] == f"textvae train: {told}"

    last = place / "runs" / "other" / "checkpoints" / "last.ckpt"
    state = torch.load(last, weights_only=True)
    (group,) = state["optimizer_states"][0]["param_groups"]
    first, *rest = group["params"]
    state["optimizer_states"][0]["param_groups"] = [
        group | {"params": [first]},
        group | {"params": rest},
    ]
    torch.save(state, last)
    code, _, err = command("train", "--resume", "other")
    assert code == 2 and err.splitlines()[-1] == f"textvae train: {told}"


@pytest.mark.parametrize(("batch", "number"), [(3, signal.SIGINT), (11, signal.SIGTERM)])
def test_an_interrupted_run_resumes_exactly(command: Run, batch: int, number: int) -> None:
    name, handler = f"cut{batch}", signal.getsignal(number)
    callback = ["--trainer.callbacks", f"{__name__}.SignalAt"]
    callback += [
        "--trainer.callbacks.batch",
        str(batch),
        "--trainer.callbacks.number",
        str(number),
    ]

    code, out, err = command("train", "--name", name, *TINY, *callback)
    assert (code, out) == (130, "")
    assert err.endswith(f"interrupted; continue with: textvae train --resume runs/{name}\n")
    assert signal.getsignal(number) == handler

    code, out, _ = command("train", "--resume", f"runs/{name}", "--trainer.callbacks", "null")
    assert code == 0 and "nll_iw" in out
    whole, cut = (textvae.load(run).vae.state_dict() for run in ("tiny", name))
    torch.testing.assert_close(cut, whole, rtol=0, atol=0)
    curves = [Path(f"runs/{run}/metrics.csv").read_text().splitlines() for run in ("tiny", name)]
    assert len(curves[0]) == len(curves[1])


def test_a_finished_run_goes_on_with_more_epochs(command: Run) -> None:
    assert command("train", "--name", "more", *TINY)[0] == 0
    code, _, err = command("train", "--resume", "more", "--trainer.max_epochs", "3")

    assert code == 0 and "epoch 3/3" in err and "epoch 2/3" not in err
    assert "max_epochs: 3" in Path("runs/more/config.yaml").read_text()
    code, out, err = command("train", "--resume", "more", "--name", "other")
    assert (code, out) == (2, "") and "--name: a resumed run keeps its name" in err


@pytest.mark.parametrize("change", ["words", "vocabulary", "label"])
def test_a_run_does_not_go_on_with_another_text(
    command: Run, change: str, cache: Path, tmp_path: Path
) -> None:
    """Neither where weights would not fit, nor where they would, to other words."""
    text = tmp_path / "my.tsv"
    lines = [f"{i % 2}\tsentence {i % 50} of {i % 7} kinds\n" for i in range(200)]
    text.write_text("".join(lines))
    name = f"changed-{change}"
    columns = ["--text", str(text), "--data.text_column", "2", "--data.label_column", "1"]
    options = ["--data.tokenizer", "WordTokenizer", *TINY[6:]]
    assert command("train", "--name", name, *columns, *options)[0] == 0
    assert command("evaluate", name, "--samples", "2")[0] == 0
    folder = Path("runs", name)
    kept = {path: path.read_bytes() for path in (folder / "config.yaml", folder / "report.json")}

    new = {"words": ("kinds", "a"), "vocabulary": ("kinds", "k l"), "label": ("1\t", "2\t")}
    text.write_text("".join(line.replace(*new[change]) for line in lines))
    more = ["--trainer.max_epochs", "3"]
    code, out, err = command("train", "--resume", name, *more)
    told = f"runs/{name}: its text has changed since training began (train, valid, test); put"
    assert (code, out) == (2, "")
    assert err == f"textvae train: {told} the old text back, or train anew under another --name\n"
    code, out, err = command("evaluate", name, "--samples", "2")
    assert (code, out) == (2, "")
    assert (
        err == f"textvae evaluate: {told} the old text back, or name other sentences by --text\n"
    )
    assert all(path.read_bytes() == content for path, content in kept.items())

    text.write_text("".join(lines))
    code, _, err = command("train", "--resume", name, "--data.tokenizer.max_size", "9", *more)
    assert code == 2 and "its tokenizer makes other tokens than when training began" in err
    assert command("train", "--resume", name, *more)[0] == 0
    assert command("evaluate", name, "--samples", "2")[0] == 0

    text.write_text("".join(line.replace("1\t", "2\t") for line in lines))
    (folder / "text.json").unlink()  # as of a run from before there was one
    assert command("evaluate", name, "--samples", "2")[0] == 0


def test_a_run_without_a_checkpoint_begins_with_what_there_is(
    command: Run, tmp_path: Path
) -> None:
    assert command("train", "--name", "begun", *TINY)[0] == 0
    (Path("runs/begun/checkpoints/last.ckpt")).unlink()
    before = Path("runs/begun/text.json").read_text()
    assert command("train", "--resume", "begun", "--data.seed", "5")[0] == 0
    assert Path("runs/begun/text.json").read_text() != before


class Explode(pl.Callback):
    """Makes a weight infinite at some batch."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if pl_module.batches_seen == self.batch:
            next(pl_module.vae.decoder.parameters()).data.fill_(torch.inf)


def test_a_loss_that_is_no_number_ends_training(command: Run) -> None:
    options = ["--trainer.callbacks", f"{__name__}.Explode", "--trainer.callbacks.batch", "10"]
    code, out, err = command("train", "--name", "nan", *TINY, *options)

    assert (code, out) == (1, "")
    last = err.splitlines()[-1]
    assert "batch 10" in last and "learning rate" in last and "optimiser step 10" in last
    assert last.endswith("The last good checkpoint is runs/nan/checkpoints/last.ckpt.")
    weights = torch.load("runs/nan/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(value.isfinite().all() for value in weights.values())


# What it shows


def test_a_terminal_shows_a_bar_and_a_log_plain_lines(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = command("train", "--name", "logged", *TINY)[2]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "90")
    # Draw it at every batch, however short the epoch.
    monkeypatch.setattr("textvae.training.callbacks.progress.tqdm", partial(tqdm, mininterval=0))
    terminal = command("train", "--name", "shown", *TINY)[2]

    assert "\r" not in log and "%|" not in log
    epochs = [line for line in log.splitlines() if re.match(r"epoch \d+/", line)]
    assert [line.split(":")[0] for line in epochs] == ["epoch 1/2", "epoch 2/2"]
    assert all("valid_nll_elbo" in line and "tokens/s" in line for line in epochs)
    assert "%|" in terminal and "loss" in terminal
