"""The site of docs/: every page has its place, every link leads somewhere, and it builds."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")])


class Plain(yaml.SafeLoader):
    """Reads what a tag stands for as nothing."""


Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def leaves(entry: Any) -> Iterator[str]:
    """The pages of a navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for below in entry.values() if isinstance(entry, dict) else entry:
            yield from leaves(below)


def part(name: str) -> ModuleType:
    """A module of the site, whose folder is no package."""
    spec = spec_from_file_location(name, DOCS / "site" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_has_a_place() -> None:
    nav = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Plain)["nav"]
    assert sorted(leaves(nav)) == [str(path.relative_to(DOCS)) for path in PAGES]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_its_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)\s#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


def test_every_idea_names_its_file() -> None:
    overview = (DOCS / "theory" / "index.md").read_text("utf-8")
    for path in sorted((DOCS / "theory").glob("*.md")):
        text = path.read_text("utf-8")
        assert re.search(r"\]\(\.\./\.\./textvae/[\w/]+\.py\)", text), path.name
        assert path.name == "index.md" or f"]({path.name})" in overview, path.name


def test_docstrings_become_markdown() -> None:
    pytest.importorskip("griffe", reason="needs the extra docs")
    text = r"""A sum :math:`x + y`, see :meth:`~a.b`.

    .. math::
        a &= b \\
        c &= d

    References:
        | One (A, 2000)
        | https://one.org
        | Two (B, 2001), chapter 3
    """
    found = part("docstrings").to_markdown(text)
    assert r"A sum \(x + y\), see `a.b`." in found
    assert r"\[ \begin{aligned} a &= b \\ c &= d \end{aligned} \]" in found
    assert "- [One (A, 2000)](https://one.org)\n- Two (B, 2001), chapter 3\n" in found


def test_it_builds_strictly(tmp_path: Path) -> None:
    for package in ("mkdocs", "material", "mkdocstrings", "mkdocs_jupyter", "latex2mathml"):
        pytest.importorskip(package, reason="needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    page = (tmp_path / "theory" / "bn-vae" / "index.html").read_text("utf-8")
    assert page.count("<math") >= 4 and "arithmatex" not in page
    assert 'href="../../reference/posteriors/"' in page
    reference = (tmp_path / "reference" / "posteriors" / "index.html").read_text("utf-8")
    assert 'id="textvae.posteriors.BatchNormPosterior"' in reference
    assert "usage: textvae sample" in (tmp_path / "reference/commands/index.html").read_text()
