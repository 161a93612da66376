"""The commands of the README run as they stand there, on a small text and a small model."""

import re
import shlex
from pathlib import Path

import pytest

import textvae
from textvae.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")

QUICK = """
--encoder.embedding_size 8 --encoder.hidden_size 12
--decoder.embedding_size 12 --decoder.hidden_size 12 --samples 2
""".split()


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.M | re.S)


def lines(name: str) -> list[str]:
    return [line for block in blocks(name, "bash") for line in block.splitlines()]


@pytest.fixture
def my_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["cat", "dog", "bird", "cow"]
    sentences = [
        f"the {a} sees the {b} {n} times ." for a in words for b in words for n in range(8)
    ]
    Path("my.txt").write_text("\n".join(sentences), encoding="utf-8")
    rows = (f"{line}\t{1 if '7' in line else 5}" for line in sentences)
    Path("reviews.tsv").write_text("\n".join(("text\tstars", *rows)), encoding="utf-8")


def run(line: str) -> int:
    """Runs a command of the README; training with a smaller model and for one epoch."""
    arguments = shlex.split(line)[1:]
    if arguments[0] == "compare":
        arguments += [*QUICK, "--trainer.max_epochs", "1"]
    if arguments[0] == "train" and "--resume" not in arguments:
        last = [] if "--print_config" in arguments or "--posterior.help" in arguments else QUICK
        last = QUICK[-2:] if "transformer" in arguments else last  # whose sizes have other names
        arguments += last and [*last, "--trainer.max_epochs", "1"]
        if last and "--text" not in arguments:
            sizes = ("train", "valid", "test")
            arguments += [o for s in sizes for o in (f"--data.{s}_size", "64")]
    try:
        return main(arguments)
    except SystemExit as ended:  # of --print_config and --posterior.help
        return ended.code


def test_its_commands_and_its_python_run(
    my_text: None, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [line for line in lines("README.md") if line.startswith("textvae ")]
    assert len(commands) >= 12
    for line in commands:
        assert run(line) == 0, f"{line}\n{capsys.readouterr().err}"

    (code,) = blocks("README.md", "python")
    names: dict[str, object] = {}
    exec(code, names)
    assert isinstance(names["vae"], textvae.TextVAE) and names["z"].shape == (2, 32)


def test_every_command_is_shown() -> None:
    pages = ["README.md", *(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
    told = [line for page in pages for line in lines(page) if line.startswith("textvae ")]

    assert {line.split()[1] for line in told} == COMMANDS.keys()


@pytest.mark.parametrize("name", READMES)
def test_its_make_targets_and_links_exist(name: str) -> None:
    targets = {line.removeprefix("make ") for line in lines(name) if line.startswith("make ")}
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / name).read_text("utf-8"))

    assert targets == {"demo", "test"}
    assert all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in targets)
    assert all((ROOT / link).exists() for link in links)


def test_both_languages_say_the_same() -> None:
    def code(name: str) -> list[str]:
        python = [re.sub(r"\s*#.*", "", block) for block in blocks(name, "python")]
        return [*blocks(name, "bash"), *python]

    def outline(name: str) -> list[str]:
        return re.findall(r"^#+|^- \*\*|^\[", (ROOT / name).read_text("utf-8"), re.M)

    assert code("README.md") == code("README.zh-CN.md")
    assert outline("README.md") == outline("README.zh-CN.md")
