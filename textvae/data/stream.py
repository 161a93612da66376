"""Text as a stream, for corpora that are larger than the memory and need no preparation."""

__all__ = ["HeadSource", "Stream"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from datasets import IterableDataset, Value
from datasets.exceptions import DatasetsError

from ..console import note
from ..errors import UsageError
from .corpus import Source, Splits
from .opening import find_files
from .published import PREFIX
from .reader import Tally, accept
from .splitting import fingerprint, gather
from .tables import Columns, Row, read_rows

FIRST = 50
"""In how many times more sentences than are asked for the held-out ones are looked for."""


@dataclass(frozen=True)
class Stream:
    """Sentences that are read as they come, from files or from a data set of the hub.

    Which sentences are held out, a hash of each decides, so that no pass over the whole is needed
    and copies never straddle.

    Arguments:
        texts: Files and patterns, or one data set of the hub.
        columns: Where tables hold what.
        seed: The seed of the hash and of the order of the files.
        held_out: The share of the different sentences that training never sees.
    """

    texts: tuple[str, ...]
    columns: Columns
    seed: int
    held_out: float

    def open(self, turn: int) -> IterableDataset:
        """All sentences, in a column named text; the order of the files changes with the turn."""
        if self.texts[0].startswith(PREFIX):
            return self._published()
        files = [str(path) for path in find_files(self.texts)]
        order = np.random.default_rng((self.seed, turn)).permutation(len(files))
        options = {"paths": [files[i] for i in order], "columns": self.columns}
        return IterableDataset.from_generator(_read, gen_kwargs=options)

    def _published(self) -> IterableDataset:
        name, _, subset = self.texts[0].removeprefix(PREFIX).partition(":")
        try:
            found = datasets.load_dataset(name, subset or None, split="train", streaming=True)
        except (OSError, ValueError, RuntimeError, DatasetsError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UsageError(f"{self.texts[0]}: cannot be opened ({reason}); check it") from error
        names = found.column_names or list(next(iter(found)))
        text, _ = self.columns.chosen(names, self.texts[0])
        kind = (found.features or {}).get(text)
        if isinstance(kind, Value) and "string" not in kind.dtype:
            raise UsageError(f"{self.texts[0]}: the column {text} is {kind.dtype}, no string")
        return found.select_columns([text]).rename_columns(
            {} if text == "text" else {text: "text"}
        )

    def is_held_out(self, sentence: str) -> float | None:
        """Where a sentence stands among those held out, from 0 to 1; None for training."""
        place = fingerprint(sentence, str(self.seed).encode()) / 2.0**64
        return place / self.held_out if place < self.held_out else None


def _read(paths: Sequence[str], columns: Columns) -> Iterator[dict[str, str]]:
    """The sentences of files, each of which may end early, as a download that was cut off does.

    What else would refuse a file refuses a line alone, which is left out and counted.
    """
    for path in paths:
        tally, refused, first = Tally(refusals=[]), 0, ""
        try:
            for sentence, _ in read_rows(Path(path), columns, tally):
                if tally.refusals:
                    refused, first = refused + len(tally.refusals), first or tally.refusals[0]
                    tally.refusals.clear()
                yield {"text": sentence}
        except UsageError as error:
            if not tally.sentences:
                raise
            note(f"{error}; it ends early, after {tally.sentences:,} sentences, which are kept")
        if refused := refused + len(tally.refusals):
            note(f"{first or tally.refusals[0]}; lines left out of this file: {refused:,}")


class HeadSource(Source):
    """The beginning of a stream: what a tokenizer learns from, and what is held out.

    Arguments:
        stream: The stream.
        size: How many training sentences to take.
        held_out: How many sentences to take for validation, and as many for the test.
    """

    def __init__(self, stream: Stream, size: int, held_out: int) -> None:
        self.stream = stream
        self.size = size
        self.held_out = held_out

    def identity(self) -> Any:
        texts = self.stream.texts
        if not texts[0].startswith(PREFIX):
            stats = [(path.name, path.stat()) for path in find_files(texts) if path.exists()]
            texts = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
        columns = (self.stream.columns.text, self.stream.columns.label)
        return [texts, columns, self.stream.seed, self.stream.held_out, self.size, self.held_out]

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        found: dict[str, list[Row]] = {"train": [], "valid": [], "test": []}
        wanted = {"train": self.size, "valid": self.held_out, "test": self.held_out}
        tally = Tally()
        for number, row in enumerate(self.stream.open(0)):
            sentence = accept(row["text"] or "", tally)
            if sentence is None:
                continue
            place = self.stream.is_held_out(sentence)
            split = "train" if place is None else "valid" if place < 0.5 else "test"
            if len(found[split]) < wanted[split]:
                found[split].append((sentence, None))
            full = all(len(rows) == wanted[split] for split, rows in found.items())
            if full or number > FIRST * self.size:
                break
        where = ", ".join(self.stream.texts)
        for split, rows in found.items():
            if not rows:
                raise UsageError(
                    f"{where}: no sentence for {split} in the first {tally.sentences:,}; raise "
                    "--data.held_out_share, or read a corpus of this size by TextData"
                )
        splits, notes = gather(found, folder, where)
        return splits, [
            f"train: the first {len(found['train']):,} of a stream; training reads all of it",
            *notes,
        ]
