"""Runs of several processes: started, cut, resumed, failing, and each thing said once."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from textvae.cli import main
from textvae.nn.distributed import rank
from textvae.runs import Run
from textvae.training import LitTextVAE
from textvae.wiring.processes import settle_processes, started_processes

from .corpora import TINY
from .processes import in_processes

TWO = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--trainer.strategy", "ddp"]
BATCH = 11
"""The batch of sixteen at which something happens."""

pytestmark = [
    pytest.mark.skipif(not dist.is_available(), reason="torch without processes"),
    pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="a single core"),
]


def train(*options: str) -> int:
    try:
        return main(["train", *options])
    except SystemExit as ended:
        return ended.code


def at_batch(number: int, do: Callable[[], Any]) -> None:
    """Makes something happen in the training of the second process."""
    step = LitTextVAE.training_step

    def training_step(self: LitTextVAE, *batch: Any) -> Any:
        if rank() == 1 and self.batches_seen == number:
            do()
        return step(self, *batch)

    LitTextVAE.training_step = training_step


def cut_and_resumed(place: Path) -> list[int]:
    os.chdir(place)
    codes = [train("--name", "whole", *TINY, *TWO)]
    at_batch(BATCH, lambda: os.kill(os.getpid(), signal.SIGTERM))
    codes.append(train("--name", "cut", *TINY, *TWO))
    at_batch(BATCH, lambda: None)
    return [*codes, train("--resume", "cut")]


def test_runs_are_written_once_and_resume_to_the_bit(tmp_path: Path) -> None:
    """Cut in the middle of the second epoch, by a signal that reaches one process."""
    first, second = in_processes(cut_and_resumed, tmp_path / "said", tmp_path)
    whole, cut = Run(tmp_path / "runs" / "whole"), Run(tmp_path / "runs" / "cut")

    assert first == [0, 130, 0] and second[::2] == [0, 0]
    for name in ("model/model.safetensors", "samples.txt"):
        assert (whole.folder / name).read_bytes() == (cut.folder / name).read_bytes()
    assert len(cut.metrics.read_text().splitlines()) == len(whole.metrics.read_text().splitlines())
    assert sorted(path.name for path in cut.folder.parent.iterdir()) == ["cut", "whole"]
    out, err = [(tmp_path / "said" / f"0.{name}").read_text() for name in ("out", "err")]
    assert out.count("Likelihood") == 2 and err.count("wrote runs") == 2
    assert err.count("interrupted; continue with: textvae train --resume runs/cut") == 1
    assert not (tmp_path / "said" / "1.out").read_text()
    assert not (tmp_path / "said" / "1.err").read_text()


def failing(place: Path, killed: bool) -> int:
    def fail() -> None:
        if killed:
            os._exit(9)
        raise MemoryError("too little")

    os.chdir(place)
    at_batch(3, fail)
    return train("--name", "failing", *TINY, *TWO)


@pytest.mark.parametrize("killed", [False, True])
def test_a_failing_process_ends_the_others_with_one_line(tmp_path: Path, killed: bool) -> None:
    first, second = in_processes(failing, tmp_path / "said", tmp_path, killed)
    said = "".join((tmp_path / "said" / f"{number}.err").read_text() for number in (0, 1))
    lines = re.findall(r"^textvae train: .*$", said, re.M)

    assert first == 1 and second == (None if killed else 1)
    assert len(lines) == 1 and "Traceback" not in said
    told = "another process of this run has ended" if killed else "process 1: MemoryError: too li"
    assert lines[0].startswith(f"textvae train: {told}")


@pytest.mark.parametrize("starter", ["textvae", "torchrun"])
def test_whoever_starts_the_processes(tmp_path: Path, starter: str) -> None:
    command = [sys.executable, "-m"]
    if starter == "torchrun":
        command += ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    options = ["--trainer.accelerator", "cpu"] if starter == "torchrun" else TWO
    done = subprocess.run(
        [*command, "textvae", "train", *TINY, *options],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Likelihood") == 1
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["grammar"]
    assert '"processes": 2' in (tmp_path / "runs" / "grammar" / "report.json").read_text()


# Who has started this process, and whether it can find the others

SLURM = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2", "SLURM_NTASKS": "8"}
OPTIONS = {"devices": 1, "num_nodes": 1, "accelerator": "cpu", "strategy": "auto"}


def test_the_tasks_of_slurm_are_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    options = dict(OPTIONS)
    settle_processes(options)

    assert started_processes() == (4, 2) == (options["devices"], options["num_nodes"])
    assert "ddp" in options["strategy"]


@pytest.mark.parametrize(
    ("environment", "options", "told"),
    [
        (SLURM, {"devices": 3}, "3 on 1 node.s., but 4 processes were started on each of 2"),
        ({"SLURM_NTASKS": "2"}, {"devices": 2}, "prepend it: srun textvae train"),
        ({"LOCAL_RANK": "0"}, {"devices": 2}, "MASTER_ADDR, MASTER_PORT not set"),
        ({}, {"num_nodes": 2}, "MASTER_ADDR, MASTER_PORT, NODE_RANK not set"),
        ({}, {"devices": 5}, "5 processes, but there are 4 cores here"),
        ({}, {"devices": [0, 9], "accelerator": "gpu"}, r"asks for 10 GPU.s., but there are \d"),
        ({}, {"devices": 2, "strategy": "fsdp"}, "fsdp is not for several processes; use ddp"),
    ],
)
def test_processes_that_cannot_be_are_refused(
    environment: dict[str, str],
    options: dict[str, Any],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*SLURM, "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    with pytest.raises(ValueError, match=told):
        settle_processes(OPTIONS | options)
