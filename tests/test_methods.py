"""Every remedy that ships trains through the real command, is interrupted, and goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import textvae
from textvae.wiring.configs import CONFIGS

METHODS = sorted(path.stem for path in (CONFIGS / "method").glob("*.yaml"))
TINY = """
data: {class_path: GrammarData, init_args: {
  train_size: 64, valid_size: 8, test_size: 8, batch_size: 16}}
encoder: {class_path: LSTMEncoder, init_args: {embedding_size: 8, hidden_size: 8}}
decoder: {class_path: LSTMDecoder, init_args: {embedding_size: 8, hidden_size: 8}}
samples: 2
trainer: {max_epochs: 1, log_every_n_steps: 1, callbacks: null,
  enable_progress_bar: false, num_sanity_val_steps: 0}
"""
SIGNAL = """
--trainer.callbacks tests.test_train.SignalAt
--trainer.callbacks.batch 2 --trainer.callbacks.number 2
""".split()
STATES = {"control": {"beta", "integrated"}, "lagrangian": {"multiplier", "weight"}}

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cut(command: Command) -> Callable[[str], str]:
    """Trains by a method, interrupts it in the third of four batches, and lets it go on."""

    def cut(method: str) -> str:
        code, out, err = command("train", "--name", f"cut_{method}", *options(method), *SIGNAL)
        assert (code, out) == (130, "") and "interrupted; continue with" in err
        assert "objective:" not in err, "what ships goes together"
        resume = ["--resume", f"runs/cut_{method}", "--trainer.callbacks", "null"]
        code, out, _ = command("train", *resume)
        assert code == 0 and "nll_iw" in out
        return f"runs/cut_{method}"

    return cut


def options(method: str) -> list[str]:
    Path("tiny.yaml").write_text(TINY, encoding="utf-8")
    return ["--config", "tiny.yaml", "--config", f"method/{method}"]


@pytest.mark.parametrize("method", [name for name in METHODS if name not in STATES])
def test_a_method_trains_and_goes_on(cut: Callable[[str], str], method: str) -> None:
    vae = textvae.load(cut(method)).vae

    assert all(parameter.isfinite().all() for parameter in vae.parameters())


@pytest.mark.parametrize("method", STATES)
def test_a_controller_goes_on_exactly(
    command: Command, cut: Callable[[str], str], method: str
) -> None:
    assert command("train", "--name", method, *options(method))[0] == 0
    whole, resumed = (
        torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True)
        for run in (f"runs/{method}", cut(method))
    )

    assert whole["objective"] == resumed["objective"]
    assert whole["objective"].keys() == STATES[method] | {"_last_step"}
    assert whole["objective"]["_last_step"] == 3
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][name])
    header = Path(f"runs/{method}/metrics.csv").read_text().splitlines()[0].split(",")
    assert STATES[method] <= set(header)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_documented(method: str) -> None:
    rows = (CONFIGS.parent / "docs" / "methods.md").read_text(encoding="utf-8").splitlines()

    assert any(row.startswith("|") and f"`{method}`" in row for row in rows)
