"""The configurations that ship with the package, found by name from any folder."""

__all__ = ["CONFIGS", "config_names", "find_config", "find_fragment"]

import difflib
import re
from pathlib import Path

from ..errors import UsageError

PACKAGE = Path(__file__).parents[1]

# Inside the package once installed; beside it in a checkout.
CONFIGS = next(
    (folder for folder in (PACKAGE / "configs", PACKAGE.parent / "configs") if folder.is_dir()),
    PACKAGE / "configs",
)


def config_names() -> list[str]:
    """What ``--config`` takes beside paths: whole runs by name, methods as ``method/name``."""
    return [path.stem for path in sorted(CONFIGS.glob("experiment/*.yaml"))] + [
        f"method/{path.stem}" for path in sorted(CONFIGS.glob("method/*.yaml"))
    ]


def find_config(name: str) -> Path:
    """The file that ``--config name`` means: a path, or the name of a shipped configuration.

    Raises:
        UsageError: If there is no such file.
    """
    shipped = (CONFIGS / "experiment" / f"{name}.yaml", CONFIGS / f"{name}.yaml")
    for path in (Path(name), *shipped):
        if path.is_file():
            return path.absolute()
    same = [known for known in config_names() if known == f"method/{name}"]
    near = same or difflib.get_close_matches(name, config_names(), 1)
    mend = f"did you mean {near[0]}?" if near else f"names: {', '.join(config_names())}"
    raise UsageError(f"--config: no file {name} and no shipped configuration of that name; {mend}")


def find_fragment(group: str, value: str) -> str:
    """The value of ``--group value``, where it names a shipped fragment: its path.

    Raises:
        UsageError: If it can only be such a name, and is none.
    """
    path = CONFIGS / group / f"{value}.yaml"
    if path.is_file() and not Path(value).is_file():
        return str(path)
    known = [shipped.stem for shipped in sorted(path.parent.glob("*.yaml"))]
    # Classes begin with a capital, or have a dot.
    if known and value != "null" and re.fullmatch(r"[a-z]\w*", value) and not Path(value).exists():
        near = difflib.get_close_matches(value, known, 1)
        mend = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}, or a class"
        raise UsageError(f"--{group}: no {group} {value}; {mend}")
    return value
