"""How a benchmark that compares methods ends, whatever ends it."""

import functools
import sys
from collections.abc import Callable, Sequence

from textvae.console import note
from textvae.errors import TrainingError, UsageError
from textvae.training.callbacks import Interrupted

Work = Callable[[Sequence[str]], None]


def ending(name: str) -> Callable[[Work], Callable[[Sequence[str] | None], int]]:
    """Makes a program of a function of arguments: it returns an exit code, as ``textvae`` does."""

    def decorate(work: Work) -> Callable[[Sequence[str] | None], int]:
        @functools.wraps(work)
        def main(argv: Sequence[str] | None = None) -> int:
            try:
                work(sys.argv[1:] if argv is None else argv)
            except (UsageError, TrainingError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                return 2 if isinstance(error, UsageError) else 1
            except Interrupted:
                note("interrupted; the same command goes on from here")
                return 130
            return 0

        return main

    return decorate
