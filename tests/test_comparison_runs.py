"""A comparison of two seeds in several processes, with labels, and what may fail in it."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import textvae
from textvae.cli import main
from textvae.compare import execute
from textvae.compare.examine import Witness
from textvae.compare.outcomes import Outcome
from textvae.errors import TrainingError
from textvae.runs import write_json

from .test_compare import TINY
from .test_train import SignalAt

TWO = [*"--methods bn --seeds 2 --jobs 2 --name two --data.label number".split(), *TINY]

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the comparison."""
    place = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["compare", *TWO]) == 0
    return place


@pytest.fixture
def compare(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Compare:
    """Runs the command in a copy of that folder, where nothing is to be trained."""
    shutil.copytree(finished / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(execute, "train_apart", lambda *_: pytest.fail("trained again"))

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["compare", *arguments])
        return code, *capsys.readouterr()

    return run


def results() -> dict:
    return json.loads(Path("runs/two/results.json").read_text(encoding="utf-8"))


def page() -> str:
    return Path("runs/two/report.html").read_text(encoding="utf-8")


def test_several_seeds_at_once(compare: Compare) -> None:
    code, out, _ = compare(*TWO)
    found = results()

    assert code == 0 and found["failures"] == []
    assert [run["folder"] for run in found["runs"]] == ["lm-0", "lm-1", "bn-0", "bn-1"]
    assert any("2 runs shared the machine" in line for line in found["flags"])
    gap, summary = found["differences"]["lm"]["nll_iw"], found["summary"]["bn"]
    assert (gap["n"], gap["over"]) == (2, "seeds") and gap["low"] < gap["mean"] < gap["high"]
    assert summary["nll_iw"]["sd"] > 0 and summary["nll_iw"]["n"] == 2
    titles, baseline, bn = (line.split() for line in out.splitlines()[:3])
    assert titles[-4:] == ["probe_accuracy", "time", "per", "epoch"]
    assert f"{summary['probe_accuracy']['mean']:.1%}" in bn and "±" in baseline
    written = page()
    mean, sd = (f"{summary['nll_iw'][name]:.2f}" for name in ("mean", "sd"))
    assert f'{mean}<span class="sd"> ± {sd}</span>' in written
    assert f"[{gap['low']:+.2f}, {gap['high']:+.2f}]" in written
    assert 'aria-label="Accuracy of linear probes of each factor"' in written
    scores = [run["examined"]["path_score"] for run in found["runs"] if run["method"] == "bn"]
    distinct = sum(score["distinct"] for score in scores) / 2
    assert f'<td>{distinct:.1f}<span class="sd"> ± ' in written


def test_json_is_that_of_the_file(compare: Compare) -> None:
    code, out, _ = compare(*TWO, "--json")

    assert code == 0 and json.loads(out) == results()


def test_what_is_recommended_is_marked(compare: Compare) -> None:
    for seed in range(2):
        path, better = Path(f"runs/two/bn-{seed}/report.json"), {"z_gain": 5.0 + seed}
        write_json(path, json.loads(path.read_text(encoding="utf-8")) | better)
    _, out, _ = compare(*TWO)

    assert "Take bn.\n  The decoder of bn gains 5.50 nats per sentence" in out
    assert re.search(r"^bn \* ", out, re.M) and "What runs/two/bn-0 writes" in out
    written = page()
    assert "<h2>Take bn</h2>" in written and "refused" not in written.split("<section")[1]
    assert re.search(r'<tr class="chosen *">\s*<td>.*bn</span><span class="tag">', written)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_that_cannot_be_looked_at_takes_nothing_from_the_other(
    compare: Compare, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(outcome: Outcome, witness: Witness) -> dict[str, object]:
        if outcome.task.seed == seed:
            raise MemoryError
        return examined(outcome, witness)

    module = sys.modules["textvae.compare.compare"]  # the function of that name hides it
    examined = module.examine
    monkeypatch.setattr(module, "examine", examine)
    code, out, _ = compare(*TWO)

    assert code == 0 and f"bn, seed {seed}, failed: it was trained, but not looked at" in out
    other = next(run for run in results()["runs"] if run["folder"] == f"bn-{1 - seed}")
    written, seen = page(), other["examined"]
    assert seen["samples"][0] in written and "What the dimensions of bn write" in written
    assert f"<td>{seen['path_score']['distinct']:.1f}</td>" in written
    for figure in ("Latent space of each method", "Accuracy of linear probes"):
        assert f'aria-label="{figure}' in written


def test_a_comparison_whose_language_model_failed(
    compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TrainingError("The loss is nan.")

    monkeypatch.setattr(execute, "train", fail)
    for seed in range(2):
        Path(f"runs/two/lm-{seed}/report.json").unlink()
    code, out, _ = compare(*TWO, "--jobs", "1")
    found = results()

    assert code == 0 and "lm, seed 1, failed: The loss is nan." in out
    assert found["summary"].keys() == {"bn"} and found["differences"] == {}
    assert "fluency" not in found["runs"][0]["examined"]["path_score"]
    assert "language model</td>" not in page()


def test_an_interrupted_comparison_goes_on_from_its_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the same command, whose callback interrupts each run in the middle of an epoch."""
    monkeypatch.chdir(tmp_path)
    signal = ["--trainer.callbacks", f"{SignalAt.__module__}.SignalAt"]
    signal += ["--trainer.callbacks.batch", "5", "--trainer.callbacks.number", "2"]
    asked = ["compare", "--methods", "iwae", "--name", "cut", *TINY, *signal]

    for run in ("lm-0", "iwae-0"):
        assert main(asked) == 130
        assert "interrupted; the same command goes on from here" in capsys.readouterr().err
        last = torch.load(f"runs/cut/{run}/checkpoints/last.ckpt", weights_only=True)
        assert last["batches_seen"] == 5
    assert main(asked) == 0
    assert "[1/1] iwae, seed 0, where it stopped" in capsys.readouterr().err
    told = json.loads(Path("runs/cut/results.json").read_text(encoding="utf-8"))
    assert "iwae: decodes 8 samples of each sentence, not 1" in told["flags"]

    again = ["--name", "whole", "--config", "runs/cut/iwae-0/config.yaml"]
    assert main(["train", *again, "--trainer.callbacks", "null"]) == 0
    whole, cut = (textvae.load(run).vae.state_dict() for run in ("whole", "runs/cut/iwae-0"))
    torch.testing.assert_close(cut, whole, rtol=0, atol=0)
