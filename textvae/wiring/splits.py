"""The text that a run was trained on."""

__all__ = ["data_of"]

from ..data import SentenceData
from ..runs import Run
from .fingerprint import check_text
from .parser import instantiate
from .request import parse


def data_of(run: Run) -> SentenceData:
    """The data of a run, prepared.

    Raises:
        UsageError: If its text is no longer where it was, or what it was.
    """
    request = parse([f"--config={run.config}"])
    data = instantiate(request.config)["data"]
    data.prepare()
    check_text(run, data, "name other sentences by --text")
    return data
