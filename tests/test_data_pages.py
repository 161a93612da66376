"""The page on published corpora: it names every data script, and each explains itself."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "data_scripts.md").read_text(encoding="utf-8")
SCRIPTS = sorted(
    path.stem
    for path in (ROOT / "data_scripts").glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)


def test_there_are_scripts() -> None:
    rows = re.findall(r"^\| `(\w+)\.py` \|", PAGE, re.M)
    assert sorted([*rows, "grammar", "demo_model"]) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_page_has_its_command(name: str) -> None:
    source = (ROOT / "data_scripts" / f"{name}.py").read_text(encoding="utf-8")
    (first, *_) = re.findall(r"python data_scripts/.+", ast.get_docstring(ast.parse(source)))
    assert first in PAGE


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_explains_itself(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "data_scripts"))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main()
    out = capsys.readouterr().out
    assert ended.value.code == 0 and f"usage: {name}.py" in out and "--out" in out


@pytest.mark.parametrize("name", ["ptb", "labelled", "snli", "smiles"])
def test_the_page_has_the_published_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "data_scripts"))
    module = importlib.import_module(name)
    published = getattr(module, "PUBLISHED", None) or getattr(module, "COUNTS", None)
    counts = published or {"all.sentences": module.TOTAL}
    told = [count for key, count in counts.items() if key.endswith(".sentences")]
    assert all(f"{count:,}" in PAGE for count in told)
