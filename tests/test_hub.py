"""Models of the Hugging Face hub on the command line, from a cache made here; no network."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from textvae.errors import UsageError
from textvae.hub import upload

from .corpora import A, B

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run as me/cats in the cache of the hub, which cannot be reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--me--cats"
    model = repository / "snapshots" / REVISION
    shutil.copytree(place / "runs" / "tiny" / "model", model)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    return model


def test_a_command_takes_a_model_of_the_hub(
    command: Callable[..., tuple[int, str, str]], cached: Path, write: Callable[..., str]
) -> None:
    code, out, _ = command("interpolate", "me/cats", A, B, "--steps", "3")
    assert code == 0 and out == command("interpolate", "tiny", A, B, "--steps", "3")[1]

    path = write("text.txt", [A, B])
    code, out, _ = command("evaluate", "me/cats", "--text", path, "--samples", "2", "--json")
    assert code == 0 and json.loads(out)["protocol"]["sentences"] == 2
    code, _, err = command("evaluate", "me/cats")
    assert code == 2 and "me/cats is a model without its run; give its sentences with" in err


def test_what_is_not_there_is_said_in_one_line(
    command: Callable[..., tuple[int, str, str]], cached: Path
) -> None:
    code, out, err = command("encode", "me/dogs", A)
    told = "textvae encode: no folder me/dogs, and none of that name on the hub ("
    assert code == 2 and out == "" and err.startswith(told) and err.count("\n") == 1

    # The name of a run, which the hub is not asked for.
    code, _, err = command("encode", "runs/tinny", A)
    assert code == 2 and "no run named runs/tinny under runs/" in err


def test_a_hub_that_does_not_answer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "none")
    with pytest.raises(UsageError, match=r"cannot upload to me/cats \(.*refused.*check the netw"):
        upload(place / "runs" / "tiny" / "model", "me/cats", private=True)


def test_a_strangers_model_imports_nothing(
    command: Callable[..., tuple[int, str, str]], cached: Path
) -> None:
    path = cached / "config.json"
    config = json.loads(path.read_text())
    config["decoder"]["class_path"] = "antigravity.Decoder"
    path.write_text(json.dumps(config))

    code, _, err = command("sample", "me/cats")
    assert code == 2 and "no part of textvae; import antigravity before" in err
