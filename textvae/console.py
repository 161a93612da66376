"""What a reader sees: notes beside results, on standard error, and sentences, each in its line."""

__all__ = ["Percentage", "note", "one_line"]

import re
import sys
import time

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Line breaks of every kind, and characters that tell a terminal what to do."""


def note(message: str) -> None:
    """Says something that is not a result."""
    print(message, file=sys.stderr, flush=True)


def one_line(sentence: str) -> str:
    """A sentence with spaces for line breaks and control characters, which models can write."""
    return CONTROLS.sub(" ", sentence)


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
