"""`transformers` speaks to those who write code; our users hear from us."""

__all__ = ["first_line", "quiet"]

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Errors only, and no progress bars."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """What an error says first."""
    lines = str(error).strip().splitlines()
    if lines and lines[0].startswith("Repo id must"):
        return "there is no such folder"
    return lines[0].rstrip(".: ") if lines else type(error).__name__
