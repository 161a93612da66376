"""Imports form a DAG. The matrix below is the architecture: it grows by decision only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from .corpora import A, B

PACKAGE = Path(__file__).parents[1] / "textvae"

BOTTOM = {"types", "errors", "component"}
COMPONENTS = ("encoders", "decoders", "posteriors", "priors", "auxiliaries")
ALLOWED = {
    "types": set(),
    "errors": set(),
    "component": set(),
    "console": set(),
    "runs": {"errors"},
    "hub": {"errors", "runs"},
    "distributions": BOTTOM,
    "nn": BOTTOM,
    "schedules": BOTTOM,
    "estimators": BOTTOM,
    "labels": BOTTOM,
    "interpolation": BOTTOM,
    "decoding": BOTTOM,
    "backbones": BOTTOM,
    "data": BOTTOM | {"backbones", "console"},
    "priors": BOTTOM | {"distributions"},
    "posteriors": BOTTOM | {"distributions", "priors", "nn"},
    "encoders": BOTTOM | {"nn", "backbones"},
    "decoders": BOTTOM | {"nn", "backbones"},
    "auxiliaries": BOTTOM | {"nn"},
    "objectives": BOTTOM | {"schedules"},
    "vae": BOTTOM
    | {f"{axis}.base" for axis in COMPONENTS}
    | {"distributions.divergence", "labels"},
    "metrics": BOTTOM
    | {"estimators", "distributions", "vae", "data.batching", "nn"}
    | {"data.pairs"},
    "training": BOTTOM
    | {"nn", "vae", "objectives", "schedules", "estimators", "distributions.divergence"},
    "storage": BOTTOM
    | {f"{axis}.base" for axis in COMPONENTS}
    | {"vae", "runs", "data.tokenizer", "labels"},
    "api": BOTTOM
    | {"vae", "storage", "runs", "metrics", "decoding", "interpolation", "data.tokenizer", "nn"}
    | {"data.batching", "data.pairs", "hub", "card", "sentence_folder", "labels"},
    "card": BOTTOM | {"metrics"},
    "sentence_folder": BOTTOM | {"vae", "storage", "runs", "posteriors.base", "data.tokenizer"},
    "embedder": BOTTOM | {"api", "data.batching"},
    "operations": BOTTOM
    | {"api", "runs", "decoding", "interpolation", "distributions.divergence"}
    | {"data.batching", "metrics.reconstruction", "labels"},
}
ON_TOP = {"wiring", "compare", "cli", "sklearn", "__main__"}
AXES = (*COMPONENTS, "objectives")
SHARED = {"base", "recurrent", "zonal"}
"""Modules of an axis that its leaves may import: the abstract part, and what siblings share."""


def module_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(path: Path) -> set[tuple[str, ...]]:
    """The modules of textvae that a file imports, type hints aside, as parts below textvae."""
    found = set()
    here = (*path.relative_to(PACKAGE).parent.parts,)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hints = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    for node in ast.walk(tree):
        if id(node) in hints:
            continue
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            base = here[: len(here) - node.level + 1]
            target = (*base, *(node.module or "").split(".")) if node.module else base
            for alias in node.names:
                full = (*target, alias.name)
                found.add(full if full in MODULES else target)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
            found |= {
                tuple(name.split(".")[1:]) for name in names if name.split(".")[0] == "textvae"
            }
    return found - {()}


def test_a_part_imports_only_what_stands_below_it() -> None:
    for module, path in MODULES.items():
        if not module or module[0] in ON_TOP:
            continue
        assert module[0] in ALLOWED, f"{module[0]} has no place in the matrix yet"
        for target in imports_of(path):
            if target[0] == module[0]:
                continue
            names = {".".join(target[:i]) for i in range(1, len(target) + 1)}
            assert names & ALLOWED[module[0]], f"{'.'.join(module)} imports {'.'.join(target)}"


def test_nothing_imports_what_stands_on_top() -> None:
    order = ["wiring", "compare", "cli", "sklearn", "__main__"]
    for module, path in MODULES.items():
        for target in imports_of(path):
            if target[0] in ON_TOP:
                assert module and module[0] in order, module
                assert order.index(target[0]) <= order.index(module[0]), module


@pytest.mark.parametrize("axis", AXES)
def test_leaves_of_an_axis_do_not_know_each_other(axis: str) -> None:
    for module, path in MODULES.items():
        if module[0:1] != (axis,) or len(module) < 2:
            continue
        siblings = {t[1] for t in imports_of(path) if t[0] == axis and len(t) > 1}
        assert siblings <= SHARED, f"{'.'.join(module)} imports its siblings {siblings - SHARED}"


def test_the_matrix_has_no_cycle() -> None:
    below = {part: {name.split(".")[0] for name in names} for part, names in ALLOWED.items()}
    done: set[str] = set()
    while ready := {part for part in below.keys() - done if below[part] <= done}:
        done |= ready
    assert done == set(below)


def test_training_never_imports_data() -> None:
    for module, path in MODULES.items():
        if module[:1] == ("training",):
            assert not [t for t in imports_of(path) if t[0] == "data"], module


def loaded_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after running some code."""
    program = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"torch", "numpy", "pytorch_lightning", "transformers", "datasets", "jsonargparse"}


@pytest.mark.parametrize("arguments", [["--help"], ["train", "-h"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not HEAVY & loaded_by(f"from textvae.cli import main; main({arguments})")


@pytest.mark.parametrize("command", ["evaluate", "interpolate", "encode", "sample", "data"])
def test_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    code = f"""
from textvae.cli import main
try:
    main(["{command}", "--help"])
except SystemExit:
    pass"""
    assert not HEAVY & loaded_by(code)


def test_interpolation_does_not_load_what_only_training_needs(place: Path) -> None:
    arguments = ["interpolate", str(place / "runs" / "tiny"), A, B]
    loaded = loaded_by(f"from textvae.cli import main; assert main({arguments}) == 0")

    assert "torch" in loaded
    assert not {"pytorch_lightning", "transformers", "datasets", "jsonargparse"} & loaded
