"""What can go wrong without being a bug."""

__all__ = ["TrainingError", "UsageError", "some"]

from collections.abc import Collection

SHOWN = 10
"""The most names that a line lists."""


class UsageError(ValueError):
    """A mistake in what the user gave: one line that says what, where, and how to mend it.

    The command line prints it and exits with code 2.
    """


class TrainingError(RuntimeError):
    """Training cannot go on: one line that says where it was and what usually mends it.

    The command line prints it and exits with code 1; the last good checkpoint is kept.
    """


def some(names: Collection[str]) -> str:
    """Names for such a line: the first of them, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(list(names)[:SHOWN]) + more
