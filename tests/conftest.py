"""Fixtures that several test files share."""

import io
import os
from collections.abc import Callable
from pathlib import Path

# One thread, here and in the processes that tests start: models are tiny, and threads that wait
# for each other take minutes on a machine that is busy. Before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest  # noqa: E402


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


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained run in runs/tiny."""
    from textvae.cli import main

    from .corpora import TINY

    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["train", "--name", "tiny", *TINY]) == 0
    return place


@pytest.fixture
def command(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command there, and returns its exit code, results and remarks."""
    from textvae.cli import main

    monkeypatch.chdir(place)

    def run(*arguments: str, stdin: str | bytes = "") -> tuple[int, str, str]:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
        capsys.readouterr()
        code = main(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small pretrained GPT-2."""
    from .pretrained_folders import write_gpt2

    return write_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small pretrained RoBERTa."""
    from .pretrained_folders import write_roberta

    return write_roberta(tmp_path_factory.mktemp("roberta"))
