"""The model that ships with the package: small, usable at once, and no run's rival."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import textvae
from textvae.cli import main
from textvae.runs import SHIPPED, find_model

from .corpora import A, B

ROOT = Path(__file__).parents[1]


def test_it_interpolates_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["interpolate", "demo", A, B]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7 and len(set(lines)) >= 3

    vae = textvae.load("demo")
    assert vae.reconstruct([A, B])[0] == lines[0]
    report = json.loads((SHIPPED / "demo" / "report.json").read_text("utf-8"))
    assert report["z_gain"] > 1 and report["nll_iw"] > report["floor"]


def test_a_run_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model("demo") == SHIPPED / "demo"
    shutil.copytree(SHIPPED / "demo", tmp_path / "runs" / "demo" / "model")
    assert find_model("demo") == Path("runs/demo/model")
    with pytest.raises(textvae.errors.UsageError, match="no run named demos under runs/"):
        find_model("demos")


def test_an_installation_has_it_and_it_is_small(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    for name in ("configs", "textvae"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    built = tmp_path / "lib" / "textvae" / "models"
    for path in files:
        assert (built / path.relative_to(SHIPPED)).read_bytes() == path.read_bytes()
    assert {path.name for path in files} >= {"model.safetensors", "config.json", "report.json"}
    assert sum(path.stat().st_size for path in files) < 3_000_000
