"""Fixtures that several test files share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of prepared corpora for this test alone, in this process and in those it starts."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "textvae"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a file of text, bytes or lines, and returns its path."""

    def write(name: str, content: str | bytes | list[str]) -> str:
        if isinstance(content, list):
            content = "".join(f"{line}\n" for line in content)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


@pytest.fixture
def folder(write: Callable[..., str], tmp_path: Path) -> str:
    """A folder with a small corpus."""
    from .corpora import LINES

    write("mine/train.txt", LINES)
    write("mine/valid.txt", ["sentence new of 1 kinds", LINES[0]])
    write("mine/test.txt", ["a test", "sentence number", LINES[1], LINES[2]])
    return str(tmp_path / "mine")
