"""The commands of the pages under docs run as they stand there, on a small text and model."""

import random
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import textvae
from textvae.cli import COMMANDS

from .test_readme import QUICK, ROOT

Run = Callable[..., tuple[int, str, str]]

PAGES = ["formats.md", "operations.md", "zh/README.md"]


def commands(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith("textvae ")]


@pytest.fixture
def files(command: Run) -> None:
    """The files that the pages speak of, and a run called mine."""
    random.seed(0)
    if not Path("runs/mine").exists():
        shutil.copytree("runs/tiny", "runs/mine")
    lines = [line for line in textvae.load("tiny").sample(80, max_length=12) if line]
    verse = "春眠不覺曉處聞啼鳥白日依山盡黃河入海流"
    poems = ["".join(random.choices(verse, k=5)) + "，" for _ in range(90)]
    Path("corpus").mkdir(exist_ok=True)
    Path("my.txt").write_text("\n".join(lines))
    Path("corpus/a.jsonl.gz").unlink(missing_ok=True)
    Path("corpus/a.jsonl").write_text("".join(f'{{"text": "{line}"}}\n' for line in lines))
    Path("corpus/b.txt").write_text("\n".join(f"{line} {i}" for i, line in enumerate(lines * 9)))
    rated = "".join(f'"{x}",{len(x) % 5}\n' for x in lines)
    Path("reviews.csv").write_text(f"review,stars\n{rated}")
    Path("ratings.txt").write_text("".join(f"{len(x) % 2}\t{x}\n" for x in lines))
    rows = "".join(f"{x}\t{i % 2}\n" for i, x in enumerate(lines))
    Path("labelled.tsv").write_text("text\tkind\n" + rows)
    Path("poems.txt").write_text("\n".join(poems), encoding="utf-8")
    forms = "".join(f"{'絕律'[i % 2]}\t{poem}\n" for i, poem in enumerate(poems))
    Path("forms.tsv").write_text("form\ttext\n" + forms, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_its_commands_run(page: str, command: Run, files: None) -> None:
    found = commands(page)
    assert len(found) >= 5
    for line in found:
        arguments = shlex.split(line)[1:]
        arguments = ["corpus/*.jsonl" if a == "corpus/*.jsonl.gz" else a for a in arguments]
        if arguments[0] == "train":
            arguments += [*QUICK, "--trainer.max_epochs", "1"]
        if "stream" in arguments:
            arguments += ["--data.head", "200", "--data.held_out", "4"]
        code, _, err = command(*arguments)
        assert code == 0, f"{line}\n{err}"


def test_its_links_exist() -> None:
    for page in PAGES:
        path = ROOT / "docs" / page
        links = re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text(encoding="utf-8"))
        assert all((path.parent / link).exists() for link in links), page


def test_every_operation_is_shown() -> None:
    shown = {line.split()[1] for page in PAGES for line in commands(page)}
    operations = {"neighbors", "analogy", "traverse", "perturb", "infill", "transfer"}
    assert operations | {"novelty", "export", "plot", "data"} <= shown <= COMMANDS.keys()
