"""Run folders: files that appear whole or not at all, and names that mean one run."""

import errno
import os
from pathlib import Path

import pytest
from filelock import FileLock

from textvae.errors import UsageError
from textvae.runs import Run, find_model, held, replacing, write_json, write_text


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(folder: str) -> Path:
    path = Path(folder)
    (path / "model").mkdir(parents=True)
    (path / "config.yaml").write_text("seed: 0\n")
    (path / "model" / "config.json").write_text("{}")
    return path


def test_a_file_keeps_its_old_content_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_text(path, "old")

    with pytest.raises(KeyError), replacing(path) as file:
        file.write("half of the new")
        raise KeyError

    assert path.read_text() == "old"
    write_json(path, {"nll_iw": 1.5, "text": "猫"})
    assert path.read_text(encoding="utf-8") == '{\n  "nll_iw": 1.5,\n  "text": "猫"\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_one_process_at_a_time_writes_into_a_folder(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(UsageError, match="in use by another process; wait for"):
        with held(tmp_path):
            pass
    with held(tmp_path):  # it is free again
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.EROFS, "a folder that you may write to"), (errno.ENOLCK, "another place")],
)
def test_a_folder_that_cannot_be_kept_is_one_line(
    number: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is read-only, or on a network without locks."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(UsageError, match=f"cannot write {tmp_path} .*; choose {told}"):
        with held(tmp_path):
            pytest.fail("it is not held")


def test_new_files_have_ordinary_permissions(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_text(tmp_path / "a", "")
    finally:
        os.umask(old)

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_full_disk_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(UsageError, match=r"cannot write .*a\.txt \(No space.*\); free some space"):
        write_text(tmp_path / "a.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_name_in_use_is_refused() -> None:
    Run.named("mine").create()

    with pytest.raises(UsageError, match="runs/mine exists; choose another --name, or .*--resume"):
        Run.named("mine").create()
    assert Run.unused("mine").folder == Path("runs/mine-2")
    assert Run.unused("other").folder == Path("runs/other")


def test_a_folder_that_cannot_be_made_is_one_clear_line() -> None:
    Path("runs").write_text("a file where the folder should be")

    with pytest.raises(UsageError, match=r"cannot write runs/mine \(Not a directory\); choose"):
        Run.named("mine").create()


def test_a_name_may_be_a_path() -> None:
    assert Run.named("mine").folder == Path("runs/mine")
    assert Run.named("elsewhere/mine").folder == Path("elsewhere/mine")
    assert Run.named("/elsewhere").folder == Path("/elsewhere")


@pytest.mark.parametrize("name", ["mine", "runs/mine", "runs/mine/model", "runs/mine/"])
def test_a_model_is_found_by_its_run_its_folder_and_its_name(name: str) -> None:
    trained("runs/mine")

    assert find_model(name) == Path("runs/mine/model")


def test_what_is_not_a_run_is_refused() -> None:
    trained("runs/mine")
    Path("empty").mkdir()
    Path("file").touch()
    Path("runs/unfinished").mkdir()
    Path("runs/unfinished/config.yaml").touch()

    with pytest.raises(UsageError, match=r"no run named my under runs/.* \(there are: mine, unf"):
        find_model("my")
    for name in ("empty", "file"):
        with pytest.raises(UsageError, match=f"{name} is not a run folder"):
            find_model(name)
        with pytest.raises(UsageError, match=f"{name} is not a run folder: it has no config.yaml"):
            Run.existing(name)
    with pytest.raises(UsageError, match="has no model yet; finish it with --resume runs/unfin"):
        find_model("unfinished")
    with pytest.raises(UsageError, match="no run named my under runs/"):
        Run.existing("my")
    assert Run.existing("mine").folder == Path("runs/mine")
