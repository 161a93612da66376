"""What the command line refuses: exit code 2, one line on standard error, nothing half-written."""

import errno
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import textvae
from textvae.data import WordTokenizer
from textvae.decoders import LSTMDecoder
from textvae.encoders import LSTMEncoder
from textvae.posteriors import VonMisesFisherPosterior
from textvae.priors import UniformSphere
from textvae.vae import SentenceVAE

from .corpora import TINY, A, B

Run = Callable[..., tuple[int, str, str]]


# Refusals: exit code 2, one line on standard error, nothing on standard output

USE = {
    ("interpolate", "tiny", A, ""): "sentence 2 is empty",
    ("interpolate", "tiny", A, " "): "sentence 2 is empty",
    ("interpolate", "tiny", A): "between two sentences, got 1",
    (
        "interpolate",
        "tiny",
        A,
        B,
        "--steps",
        "1",
    ): "--steps: 1 is not a whole number of at least 2",
    ("interpolate", "tiny", A, B, "--pth", "linear"): "no option --pth; did you mean --path?",
    ("interpolate", "tiny", A, B, "--text", "two.txt"): "both as arguments and by --text",
    ("reconstruct", "tiny", "--text", "nofile.txt"): "nofile.txt: no such file",
    ("reconstruct", "tiny", "--text", "runs"): "runs: a folder; give a text file",
    ("reconstruct", "tiny"): "standard input: no sentence in it",
    ("sample", "tiny", "--decode", "greedy", "--top-k", "3"): "--top-k is for --decode sample",
    ("sample", "tiny", "--temperature", "0"): "--temperature: 0 is not a number",
    ("sample", "tiny", "--top-p", "1.5"): "--top-p: 1.5 is not a number from 1e-06 to 1",
    ("sample", "tiny", "--device", "abacus"): "--device abacus: ",
    ("sample", "tinny"): "no run named tinny under runs/, .*there are: .*tiny",
    ("sample", "runs"): "runs is not a run folder",
    ("sample",): "arguments are required: RUN",
    ("decode", "tiny", "nofile.npy"): "nofile.npy: cannot be read",
    ("decode", "tiny", "runs/tiny/config.yaml"): "config.yaml: no array of numbers",
    ("decode", "tiny"): "standard input: holds no latents",
    ("encode", "tiny", A, "--out", "nowhere/z.npy"): "cannot write nowhere/z.npy",
    ("evaluate", "tiny", "--samples", "0"): "--samples: 0 is not a whole number of at least 1",
    ("evaluate", "tiny", "--split", "dev"): "invalid choice: 'dev'",
    ("evaluate", "tiny", "--split", "train", "--text", "a"): "--text: not allowed with .* --split",
    ("interpolat", "tiny"): "no command interpolat; did you mean interpolate?",
    ("xyz",): "no command xyz; commands: train",
}


@pytest.mark.parametrize("arguments", USE, ids=" ".join)
def test_misuse_is_refused_in_one_line(command: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = command(*arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("textvae") and re.search(USE[arguments], err), err


def test_latents_of_another_size_are_refused(command: Run) -> None:
    code, out, err = command("decode", "tiny", stdin="1 2 3\n")

    assert (code, out) == (2, "") and "shape (N, 4) for this model, got (1, 3)" in err


TEXTS = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "two": b"one sentence\nand another\n",
    "long": b"a" * 10_000_000,
    "latin": "caf\xe9\n".encode("latin1") * 5,
    "nul": b"a\0b\n" * 5,
    "broken.gz": b"\x1f\x8b\x08\x00 no gzip",
}


@pytest.mark.parametrize("name", [*TEXTS, "folder", "nofile"])
def test_a_text_that_is_none_is_refused_and_nothing_is_left(command: Run, name: str) -> None:
    if name == "folder":
        Path(name).mkdir(exist_ok=True)
    elif name in TEXTS:
        Path(name).write_bytes(TEXTS[name])
    code, out, err = command("train", "--text", name, "--name", "refused")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("textvae train: ") and name in err
    assert not Path("runs/refused").exists()


PROCESSES = ["--trainer.devices", "3", "--trainer.accelerator", "cpu"]
MISTAKES = [
    ["--posterior.latent_dim", "0"],
    ["--posterior.gamma", "0"],
    ["--posterior", "vmf", "--posterior.concentration", "-1"],
    ["--posterior", "batch_norm_scaled", "--posterior.tau", "1"],
    ["--posterior.gama", "1"],
    ["--optimizer.lr", "-1"],
    ["--trainer.precision", "16-mixed", "--trainer.accelerator", "tpu"],
    ["--trainer.val_check_interval", "-2"],
    ["--config", "nofile"],
    ["--resume", "nowhere"],
    ["--encoder", "null"],
    ["--trainer.precision", "16-mixed", "--trainer.accelerator", "cpu"],
    ["--trainer.precision", "64-true"],
    ["--trainer.precision", "bf16-true"],
    ["--trainer.devices", "0,a", "--trainer.accelerator", "cpu"],
    ["--trainer.devices", "1000", "--trainer.accelerator", "cpu"],
    ["--trainer.num_nodes", "2", "--trainer.accelerator", "cpu"],
    ["--data.train_size", "2", "--data.valid_size", "2", "--data.test_size", "2", *PROCESSES],
    ["--data.batch_size", "2", *PROCESSES],
    ["--trainer.strategy", "fsdp", *PROCESSES],
]


@pytest.mark.parametrize("options", MISTAKES, ids=" ".join)
def test_an_impossible_run_is_refused_and_nothing_is_left(
    command: Run, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    code, out, err = command("train", "--name", "refused", *options)

    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("textvae train: ")
    assert not Path("runs/refused").exists()


def test_a_folder_that_cannot_be_written_is_refused(command: Run) -> None:
    Path("file").touch()
    code, out, err = command("train", "--name", "file/run", *TINY)

    assert (code, out) == (2, "")
    assert "cannot write file/run (Not a directory); choose another place" in err


def test_a_full_disk_while_saving_is_one_line(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def full(handle: int) -> None:
        if ".ckpt" in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    monkeypatch.setattr(os, "fsync", full)
    code, out, err = command("train", "--name", "full", *TINY)

    assert (code, out) == (2, "")
    assert re.fullmatch(
        r"textvae train: cannot write .*runs/full/checkpoints/best.ckpt "
        r"\(No space left on device\); free some space and try again",
        err.splitlines()[-1],
    )
    assert not Path("runs/full").exists()


def test_a_damaged_or_foreign_model_is_refused(command: Run, place: Path) -> None:
    shutil.copytree("runs/tiny/model", "damaged")
    tensors = Path("damaged/model.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-100])
    Path("foreign").mkdir(exist_ok=True)
    Path("foreign/config.json").write_text('{"model_type": "gpt2"}')

    for name in ("damaged", "foreign"):
        code, out, err = command("sample", name)
        assert (code, out, err.count("\n")) == (2, "", 1) and name in err
    checkpoint = Path("runs/broken/checkpoints/last.ckpt")
    shutil.copytree("runs/tiny", "runs/broken")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    code, out, err = command("train", "--resume", "broken")
    assert (code, out) == (2, "") and "last.ckpt is damaged" in err.splitlines()[-1]


@pytest.mark.parametrize("foreign", [{"state_dict": {}}, [1], {"a": torch.zeros(1)}])
def test_a_foreign_checkpoint_is_refused(command: Run, place: Path, foreign: object) -> None:
    shutil.copytree("runs/tiny", "runs/alien", dirs_exist_ok=True)
    torch.save(foreign, "runs/alien/checkpoints/last.ckpt")
    code, out, err = command("train", "--resume", "alien")
    shutil.rmtree("runs/alien")
    assert (code, out) == (2, "")
    assert "last.ckpt is not a checkpoint of textvae; put back a copy" in err.splitlines()[-1]


def test_opposite_ends_on_a_sphere_are_refused(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit([A, B])
    size = tokenizer.vocab_size
    posterior = VonMisesFisherPosterior(6, latent_dim=3)
    vae = SentenceVAE(
        LSTMEncoder(size, 4, 6), posterior, UniformSphere(3), LSTMDecoder(size, 3, 4, 6)
    )
    textvae.TextVAE(vae, tokenizer).save("sphere")
    north = torch.tensor([[0.0, 0.0, 1.0]])
    monkeypatch.setattr(textvae.TextVAE, "encode", lambda *_: torch.cat([north, -north]))

    code, out, err = command("interpolate", "sphere", A, B)
    assert (code, out, err.count("\n")) == (2, "", 1) and "opposite" in err
