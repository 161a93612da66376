"""Vocabularies: which entries to know, and how to keep them in a file."""

__all__ = ["check_limits", "most_frequent", "read_vocabulary", "write_vocabulary"]

import json
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError

FILE = "vocabulary.json"


def check_limits(min_count: int, max_size: int | None) -> None:
    """
    Raises:
        ValueError: If no entry could meet them.
    """
    if min_count < 1:
        raise ValueError(f"'min_count' must be at least 1, got {min_count}.")
    if max_size is not None and max_size < 1:
        raise ValueError(f"'max_size' must be at least 1, got {max_size}.")


def most_frequent(counts: Mapping[str, int], min_count: int, max_size: int | None) -> list[str]:
    """The entries seen at least `min_count` times, at most `max_size`, frequent ones first."""
    known = [entry for entry, count in counts.items() if count >= min_count]
    return sorted(known, key=lambda entry: (-counts[entry], entry))[:max_size]


def write_vocabulary(folder: Path, entries: list[str]) -> None:
    """Writes the entries as a JSON list."""
    text = json.dumps(entries, ensure_ascii=False, indent=0)
    (folder / FILE).write_text(text, encoding="utf-8")


def read_vocabulary(folder: Path) -> list[str]:
    """Reads what :func:`write_vocabulary` wrote."""
    path = folder / FILE
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: it is missing; copy the whole folder.") from None
    except ValueError as error:
        raise UsageError(f"{path}: not a vocabulary ({error}); save the model again.") from error
    strings = isinstance(entries, list) and all(isinstance(entry, str) for entry in entries)
    if not strings or len(set(entries)) < len(entries):
        raise UsageError(f"{path}: not a list of different strings; save the model again.")
    return entries
