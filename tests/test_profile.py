"""The profile: a trace of some batches, and where their time goes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textvae.objectives import BetaELBO
from textvae.training.callbacks import Profile
from textvae.training.callbacks.profile import PARTS
from textvae.types import Terms

from .corpora import TINY
from .test_training import loader, make, trainer


def test_a_profile_says_where_the_time_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = make()
    profile = Profile(tmp_path / "trace.json", first=2, batches=4)
    trainer(tmp_path, max_epochs=1, callbacks=[profile]).fit(module, loader())

    line = next(line for line in capsys.readouterr().err.splitlines() if "profile" in line)
    shares = {part: int(share) for part, share in re.findall(r"([a-z ]+?) (\d+)%", line)}
    assert line.startswith("profile: 4 batches of ")
    assert {part.strip() for part in shares} == set(PARTS)
    assert sum(shares.values()) == pytest.approx(100, abs=4)  # each is rounded
    for part in ("encoder", "decoder"):
        assert next(share for name, share in shares.items() if name.strip() == part) > 0
    names = {
        event["name"] for event in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    }
    assert {"encoder", "decoder", "softmax"} <= names
    assert "forward" not in vars(module.vae.encoder)  # as it was


class Slow(BetaELBO):
    """An objective that takes long."""

    def __call__(self, terms: Terms, step: int) -> Tensor:
        for _ in range(20):
            torch.ones(1000, 1000) @ torch.ones(1000, 1000)
        return super().__call__(terms, step)


def test_an_objective_is_no_optimiser(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though it is the optimiser that calls it."""
    module = make()
    module.objective = Slow()
    profile = Profile(tmp_path / "trace.json", first=2, batches=4)
    trainer(tmp_path, max_epochs=1, callbacks=[profile]).fit(module, loader())
    err = capsys.readouterr().err
    assert int(re.search(r"other operations (\d+)%", err)[1]) > 50
    assert "training_step" not in vars(module)


@pytest.mark.parametrize(
    ("first", "batches", "limit", "told"),
    [
        (10, 4, {"max_epochs": 1}, "profile: nothing to tell; the first 10"),
        (10, 4, {"max_epochs": 2}, "profile: 4 batches"),
        (2, 20, {"max_steps": 5}, "profile: 3 batches"),
        (2, 20, {"max_steps": 2}, "profile: nothing to tell; the first 2"),
    ],
)
def test_a_profile_is_of_batches_alone_and_ends_with_the_run(
    first: int,
    batches: int,
    limit: dict[str, int],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The tenth batch is the last of an epoch, after which there may be validation, or nothing;
    steps end a run in the middle of an epoch, and of a recording."""
    profile = Profile(tmp_path / "trace.json", first=first, batches=batches)
    trainer(tmp_path, callbacks=[profile], **limit).fit(make(), loader())
    assert told in capsys.readouterr().err
    assert not torch.autograd.profiler._is_profiler_enabled


def test_a_profile_of_epochs_of_one_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = Profile(tmp_path / "trace.json", first=2, batches=4)
    options = {"max_epochs": 4, "limit_train_batches": 1, "callbacks": [profile]}
    trainer(tmp_path, **options).fit(make(), loader())
    assert "profile: 1 batch of " in capsys.readouterr().err
    names = {event["name"] for event in json.loads(profile.trace.read_text())["traceEvents"]}
    assert {"encoder", "decoder"} <= names


def test_nobody_else_speaks_of_a_profile(tmp_path: Path) -> None:
    """PyTorch's own recorder would, in every process."""
    done = subprocess.run(
        [sys.executable, "-m", "textvae", "train", "--profile", *TINY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("profile") == 1 and "profile: 3 batches" in done.stderr
