"""`transformers` speaks to those who write code; our users hear from us."""

__all__ = ["first_line", "quiet", "refusals"]

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Errors only, and no progress bars."""
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    tried = hub.get_verbosity()  # again and again, where there is no network
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    hub.set_verbosity_error()
    try:
        yield
    finally:
        hub.set_verbosity(tried)
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def refusals() -> tuple[type[Exception], ...]:
    """What `transformers` raises where a model, a tokenizer or a configuration cannot be had."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    known = (OSError, ValueError, ImportError, KeyError, AttributeError, TypeError, RuntimeError)
    return (*known, StrictDataclassError, SafetensorError)


def first_line(error: BaseException) -> str:
    """What an error says first."""
    lines = str(error).strip().splitlines()
    if lines and lines[0].startswith("Repo id must"):
        return "there is no such folder"
    if len(lines) > 1 and lines[0].startswith(("Class validation", "Validation error")):
        return lines[1].strip().partition(": ")[2].rstrip(".")  # the first names the check
    if lines and lines[0].startswith("Couldn't instantiate the backend tokenizer"):
        return "it holds no tokenizer"
    if lines and lines[0].startswith("Error while deserializing header"):
        return "its weights are damaged"
    if lines and lines[0].startswith("Unrecognized model in"):
        return "no config.json there says what model it is"
    return lines[0].rstrip(".: ") if lines else type(error).__name__
