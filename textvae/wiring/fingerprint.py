"""Whether the text of a run is still the one that it began with."""

__all__ = ["check_text", "keep_text"]

import json
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from typing import Any

from ..data import SentenceData
from ..errors import UsageError
from ..runs import Run, write_json

TOLD_BY = 10_000
"""The training sentences whose tokens tell whether a tokenizer is the same."""


def keep_text(run: Run, data: SentenceData) -> None:
    """Writes down what tells the text of a run, and its tokens, from others."""
    write_json(run.text, fingerprint(data))


def check_text(run: Run, data: SentenceData, mend: str, tokens: bool = False) -> None:
    """Compares a text with the one that a run began with, if the run says which that was.

    Arguments:
        run: The run.
        data: The text, as it is now.
        mend: What to do, other than to put the old text back.
        tokens: Whether its tokens matter, too.

    Raises:
        UsageError: If it is another.
    """
    try:
        before = json.loads(run.text.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it began before any did
        return
    now = fingerprint(data)
    changed = [name for name, value in now["splits"].items() if value != before["splits"][name]]
    if changed:
        raise UsageError(
            f"{run.folder}: its text has changed since training began ({', '.join(changed)}); put "
            f"the old text back, or {mend}"
        )
    if tokens and now["tokens"] != before["tokens"]:
        raise UsageError(
            f"{run.folder}: its tokenizer makes other tokens than when training began; leave out "
            f"new --data options, or {mend}"
        )


def fingerprint(data: SentenceData) -> dict[str, Any]:
    """What differs whenever the sentences, their labels or their tokens do.

    Of a stream it is that of its beginning: what the tokenizer learned from, and what is held out.
    """
    splits = {}
    for split in data.corpus.texts:
        texts = data.texts(split)
        labels = data.labels(split) or [None] * len(texts)
        splits[split] = digest(zip(texts, labels, strict=True))
    readers = filter(None, (data.corpus, data.read_by_encoder))
    tokens = [digest(islice(reader.tokens["train"], TOLD_BY)) for reader in readers]
    return {"splits": splits, "tokens": tokens}


def digest(rows: Iterable[Any]) -> str:
    """A number that no other rows have."""
    found = blake2b(digest_size=16)
    for row in rows:
        found.update(json.dumps(row).encode() + b"\n")
    return found.hexdigest()
