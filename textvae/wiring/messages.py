"""jsonargparse explains a mistake on several lines; a user gets one: where, what, and the mend."""

__all__ = ["nearest_class", "one_line", "option_error"]

import ast
import difflib
import inspect
import re
from collections.abc import Collection

from pytorch_lightning import Callback, LightningDataModule
from torch.optim import Optimizer

from ..component import Component

KEY = re.compile(r'^(\s*)Parser key "([\w.]+)":\s*(.*)$')
YAML = re.compile(
    r'Problems parsing config: .*?([^\n]*)\n\s*in ".*?", line (\d+), column (\d+)\s*$', re.S
)
BASES = (Component, Optimizer, Callback, LightningDataModule)


def option_error(message: str, options: Collection[str]) -> str | None:
    """What to say where an option does not exist, with the nearest of those that do."""
    typo = re.search(r"(?<!no )[Oo]ption '([\w.]+)'|unrecognized arguments: (\S+)", message)
    if typo is None:
        return None
    name = (typo[1] or typo[2].lstrip("-")).split("=")[0].removesuffix(".class_path")
    if typo[2] and not typo[2].startswith("-"):
        mend = f"did you mean '--{name}'?" if name in options else "a text is named by --text"
        return f"no option '{name}'; {mend}"
    near = difflib.get_close_matches(name, options, 1)
    return f"no option '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")


def one_line(message: str) -> str:
    """The innermost mistake that a message of jsonargparse tells of."""
    if broken := YAML.search(message):
        return "no valid YAML: {} (line {}, column {})".format(*broken.groups())
    keys, text = innermost(message)
    value = given(text)
    causes = [line.strip(" -") for line in text.splitlines()]
    told = next((said for cause in causes if (said := explain(cause, value))), None)
    if told is None:
        types = expected(text)
        told = f"expected {types}, got {value}" if types else " ".join(text.split())
    where = ".".join(keys)
    if not where:
        return told
    # A nested parser has spoken: its key continues ours.
    return f"{where}.{told}" if re.match(r"[a-z][\w.]*: ", told) else f"{where}: {told}"


def innermost(message: str) -> tuple[list[str], str]:
    """The keys on the way to the innermost block of a message, and that block."""
    lines = message.splitlines()
    found = [(i, match) for i, line in enumerate(lines) if (match := KEY.match(line))]
    if not found:
        return [], message
    start, last = found[-1]
    block = [last[3]]
    for line in lines[start + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) <= len(last[1]):
            break
        block.append(line)
    return list(dict.fromkeys(match[2] for _, match in found)), "\n".join(block)


def given(text: str) -> str:
    """The value that a block complains of."""
    match = re.search(r"Given value: (.*)|Got value: (.*)", text)
    value = (match[1] or match[2]) if match else ""
    nested = re.search(r"'class_path': '([^']*)'|class_path='([^']*)'|val='([^']*)'", value)
    return next(filter(None, nested.groups()), value) if nested else value


def explain(cause: str, value: str) -> str | None:
    """One cause in our words, where it says more than which type was expected."""
    if count := re.match(r"Not of type (\w+)Int: (?:(\S+) does not|.*'(.*)'$)", cause):
        low = 1 if count[1] == "Positive" else 0
        return f"expected a whole number of at least {low}, got {count[2] or count[3]}"
    if cause.startswith('Key "class_path" not found'):
        return "options without a class; name it too, by class_path"
    if re.fullmatch(r"\S+\.ya?ml|\S*/\S*", value):
        return f"no file {value}"
    if name := re.search(r"Expected a dot import path string: (\w+)$", cause):
        near = nearest_class(name[1])
        return f"no class {name[1]}; did you mean {near}?" if near else None
    if reason := re.match(
        r"Type .* expects a function or a callable class: (.*?)(\. Got.*)?$", cause
    ):
        lacks = "has no attribute" in reason[1]
        near = nearest_class(value.rpartition(".")[2]) if lacks else None
        mend = f"; did you mean {near}?" if near else ""
        return f"cannot import {value}: {reason[1].rstrip('.')}{mend}"
    plain = cause and not cause.startswith(
        (
            "Expected",
            "Does not",
            "Subtypes",
            "Errors",
            "Given",
            "Problem with",
            "Unexpected import",
        )
    )
    return cause if plain else None


def nearest_class(name: str) -> str | None:
    """The part whose name is nearest to `name`."""
    near = difflib.get_close_matches(
        name, [cls.__name__ for base in BASES for cls in leaves(base)], 1
    )
    return near[0] if near else None


def leaves(base: type) -> set[type]:
    """The classes that can be built from `base`, as far as they are imported."""
    below = {leaf for cls in base.__subclasses__() for leaf in leaves(cls)}
    return below if inspect.isabstract(base) else below | {base}


def expected(text: str) -> str:
    """The types of which a value was none."""
    names: list[str] = []
    for kind in re.findall(r"Expected a (?!dot |path)(.*?)(?:\. Got value.*)?$", text, re.M):
        if choices := re.match(r"typing\.Literal(\[.*\])", kind):
            names += map(str, ast.literal_eval(choices[1]))
        else:
            name = re.sub(r"<class '(.*)'>", r"\1", kind).rpartition(".")[2]
            names.append(
                {"NoneType": "null", "int": "a whole number", "float": "a number"}.get(name, name)
            )
    if "dot import path" in text:
        names.insert(0, "a class")
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
