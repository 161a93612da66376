"""The examples of the pages under docs run as they stand there, on a small text and model.

A block that says `# takes ...` or `# needs ...` is one that a reader should think about first: of
its commands the options are parsed, and of its Python the imports are done. So it is with pages
under docs/results, which say how something was run.
"""

import ast
import random
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import textvae
from textvae.cli import COMMANDS, main

from .test_readme import QUICK, ROOT

Run = Callable[..., tuple[int, str, str]]

DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
WRITTEN = re.compile(r"# ([\w/]+\.\w+)\n")
"""The first line of a block that is a file."""


def blocks(page: str) -> list[tuple[str, str, bool]]:
    """The language of each block of a page, its text, and whether it is to be run."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w+)\n(.*?)^```", text, re.M | re.S)
    record = page.startswith("results/")
    return [
        (language, code, not record and not re.search(r"^# (takes|needs) ", code, re.M))
        for language, code in found
    ]


def commands(code: str) -> Iterator[list[str]]:
    """The words of each command of a block."""
    words = (shlex.split(line, comments=True) for line in code.replace("\\\n", " ").splitlines())
    return filter(None, words)


WITH_EXAMPLES = [
    page for page in PAGES if {"bash", "python"} & {block[0] for block in blocks(page)}
]


@pytest.fixture
def files(command: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files that the pages speak of, and a run called mine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    random.seed(0)
    shutil.copytree(place / "runs" / "tiny", "runs/mine")
    lines = [line for line in textvae.load("mine").sample(80, max_length=12) if line]
    verse = "春眠不覺曉處聞啼鳥白日依山盡黃河入海流"
    poems = ["".join(random.choices(verse, k=5)) + "，" for _ in range(90)]
    Path("my.txt").write_text("\n".join(lines))
    Path("corpus").mkdir()
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


@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_its_examples_run(
    page: str,
    files: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, object] = {"__name__": "example", "textvae": textvae}
    for language, code, whole in blocks(page):
        if written := WRITTEN.match(code):
            Path(written[1]).write_text(code)
        elif language == "python":
            exec(code if whole else imports(code), names)
        elif language == "bash":
            for words in commands(code):
                capsys.readouterr()
                problem = check(words, whole, monkeypatch)
                assert not problem, f"{shlex.join(words)}: {problem}\n{capsys.readouterr().err}"


def imports(code: str) -> str:
    """What a piece of Python imports from textvae; the rest must at least be Python."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in found if "textvae" in (node.module or ""))


def check(words: list[str], whole: bool, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What is wrong with a command, if anything."""
    if "textvae" in words:
        arguments = words[words.index("textvae") + 1 :]
        return run(arguments) if whole and words[0] == "textvae" else parse(arguments, monkeypatch)
    if words[0] == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        wanted = re.findall(r"\[(\w+)\]", " ".join(words))
        return None if set(wanted) <= extras["optional-dependencies"].keys() else "no such extra"
    if words[0] == "make":
        return None if f"\n{words[1]}:" in (ROOT / "Makefile").read_text() else "no such target"
    assert words[:2] == ["python", "-m"], "nobody checks this command"
    module = (ROOT / (words[2].replace(".", "/") + ".py")).read_text(encoding="utf-8")
    unknown = [word for word in words if word.startswith("--") and f'"{word}"' not in module]
    return f"no option {unknown[0]}" if unknown else None


def run(arguments: list[str]) -> str | None:
    """Runs a command; training with a smaller model and for one epoch."""
    arguments = ["corpus/*.jsonl" if a == "corpus/*.jsonl.gz" else a for a in arguments]
    if arguments[0] == "train" and not any(a.endswith(".help") for a in arguments):
        arguments += [*QUICK, "--trainer.max_epochs", "1"]
        if "--name" in arguments:  # that of the run that is there, at times
            shutil.rmtree(f"runs/{arguments[arguments.index('--name') + 1]}", ignore_errors=True)
    if "stream" in arguments:
        arguments += ["--data.head", "200", "--data.held_out", "4"]
    try:
        code = main(arguments)
    except SystemExit as ended:  # of --print_config and --posterior.help
        code = ended.code
    return f"exit code {code}" if code else None


class Parsed(Exception):
    """The options were understood."""


def parse(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Goes as far into a command as its options lead."""

    def stop(*_: object, **__: object) -> None:
        raise Parsed

    does = {"train": "textvae.wiring.train.train", "compare": "textvae.compare.compare"}
    with monkeypatch.context() as patch:
        patch.setattr(does.get(arguments[0], f"textvae.cli.{arguments[0]}.run"), stop)
        try:
            return f"exit code {main(arguments)}"
        except Parsed:
            return None


def test_every_operation_is_shown() -> None:
    code = "".join(
        code for page in PAGES for language, code, _ in blocks(page) if language == "bash"
    )
    shown = {words[1] for words in commands(code) if words[0] == "textvae"}
    operations = {"neighbors", "analogy", "traverse", "perturb", "infill", "transfer"}
    assert operations | {"novelty", "export", "plot", "data"} <= shown <= COMMANDS.keys()


def test_a_wrong_example_is_found(
    files: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [
        "textvae sample mine --number 3",
        "textvae train --text my.txt --posterior.gama 1",
        "textvae compare --methods bm",
        "torchrun -m textvae train --trainer.device 2",
        "python -m benchmarks.sphere --sped",
        "make tests",
        "pip install 'textvae[everything]'",
    ]
    assert not [line for line in wrong if not check(shlex.split(line), False, monkeypatch)]
