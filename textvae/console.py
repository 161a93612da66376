"""What is said beside results: on standard error, whatever standard output is used for."""

__all__ = ["Percentage", "note"]

import sys
import time


def note(message: str) -> None:
    """Says something that is not a result."""
    print(message, file=sys.stderr, flush=True)


class Percentage:
    """Shows how much of a long task is done: in place on a terminal, now and then in a log.

    Arguments:
        task: What is being done.
        silence: How many seconds a log stays silent.
    """

    def __init__(self, task: str, silence: float = 30.0) -> None:
        self.task = task
        self.silence = 0.2 if sys.stderr.isatty() else silence
        self.spoken = time.monotonic()

    def __call__(self, share: float) -> None:
        """Takes the share that is done, from 0 to 1."""
        terminal = sys.stderr.isatty()
        if terminal and share >= 1:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        elif share < 1 and time.monotonic() - self.spoken > self.silence:
            start, end = ("\r\033[K", "") if terminal else ("", "\n")
            print(f"{start}{self.task}: {share:.0%}", end=end, file=sys.stderr, flush=True)
            self.spoken = time.monotonic()
