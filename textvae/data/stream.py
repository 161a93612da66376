"""Text as a stream, for corpora that are larger than the memory and need no preparation."""

__all__ = ["HeadSource", "Stream"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, IterableDataset, Value

from ..console import note
from ..errors import UsageError
from .corpus import Source, Splits
from .opening import find_files
from .published import PREFIX, is_saved, load, unreadable
from .reader import Tally
from .splitting import fingerprint, gather
from .tables import Columns, Row, accepted, read_rows

FIRST = 50
"""In how many times more sentences than are asked for the held-out ones are looked for."""

PARTS = 64
"""Into how many parts a saved data set is cut, to be shared."""


@dataclass(frozen=True)
class Stream:
    """Sentences that are read as they come, from files or from a data set of the hub.

    Which sentences are held out, a hash of each decides, so that no pass over the whole is needed
    and copies never straddle.

    Arguments:
        texts: Files and patterns, or one data set of the hub or in a folder.
        columns: Where tables hold what.
        seed: The seed of the hash and of the order of the files.
        held_out: The share of the different sentences that training never sees.
    """

    texts: tuple[str, ...]
    columns: Columns
    seed: int
    held_out: float

    def __post_init__(self) -> None:
        for text in self.texts:
            if text.startswith(PREFIX) and len(self.texts) > 1:
                raise UsageError(
                    f"{text}: a data set of the hub stands alone; leave out the others"
                )

    def open(self, turn: int) -> IterableDataset:
        """All sentences, in a column named text; the order of the files changes with the turn."""
        if self.published is None:
            parts, read, options = self._files(), _read_files, {"columns": self.columns}
        else:
            found, column = self._train()
            parts, read = list(range(found.num_shards)), _read_parts
            options = {"found": found, "column": column, "name": self.texts[0]}
        order = np.random.default_rng((self.seed, turn)).permutation(len(parts))
        options |= {"parts": [parts[i] for i in order], "alone": len(parts) == 1}
        return IterableDataset.from_generator(read, gen_kwargs=options)

    @property
    def published(self) -> str | None:
        """The name of the data set, without its prefix; None where files are read."""
        first = self.texts[0]
        if first.startswith(PREFIX):
            return first.removeprefix(PREFIX)
        return first if len(self.texts) == 1 and is_saved(Path(first).expanduser()) else None

    def _files(self) -> list[str]:
        files = find_files(self.texts)
        for path in files:
            if path.is_dir():
                raise UsageError(f"{path}: a folder; name its files, such as '{path}/*.txt'")
            if not path.exists():
                raise UsageError(f"{path}: no such file; check the path")
        return [str(path) for path in files]

    def _train(self) -> tuple[IterableDataset, str]:
        """The training sentences of a data set, and the column that they are in."""
        where, splits = self.texts[0], load(self.published, streaming=True)
        if "train" not in splits:
            raise UsageError(f"{where}: no split train; there are: {', '.join(splits)}")
        found = splits["train"]
        if isinstance(found, Dataset):  # saved
            if not len(found):
                raise UsageError(f"{where}: no sentence in train; save it again")
            found = found.to_iterable_dataset(num_shards=min(len(found), PARTS))
        try:
            names = found.column_names or list(next(found.iter(1), {}))
        except Exception as error:
            raise unreadable(
                f"{where}: cannot be read", error, "check it, or the network"
            ) from error
        text, _ = self.columns.chosen(names, where)
        kind = (found.features or {}).get(text)
        if isinstance(kind, Value) and "string" not in kind.dtype:
            raise UsageError(f"{where}: the column {text} is {kind.dtype}, no string")
        return found.select_columns([text]), text

    def is_held_out(self, sentence: str) -> float | None:
        """Where a sentence stands among those held out, from 0 to 1; None for training."""
        place = fingerprint(sentence, str(self.seed).encode()) / 2.0**64
        return place / self.held_out if place < self.held_out else None


def _read_files(parts: Sequence[str], columns: Columns, alone: bool) -> Iterator[dict[str, str]]:
    for path in parts:
        tally = Tally(refusals=[])
        yield from _kept(read_rows(Path(path), columns, tally), tally, alone)


def _read_parts(
    parts: Sequence[int], found: IterableDataset, column: str, name: str, alone: bool
) -> Iterator[dict[str, str]]:
    for part in parts:
        tally = Tally(refusals=[])
        where = name if alone else f"{name}, part {part + 1} of {found.num_shards}"
        texts = enumerate(_texts(found.shard(found.num_shards, part), column, where), 1)
        cells = ((f"{where}, row {number}", text, None) for number, text in texts)
        yield from _kept(accepted(cells, where, Columns(column), tally), tally, alone)


def _texts(part: IterableDataset, column: str, where: str) -> Iterator[Any]:
    try:
        # Not row by row, which workers would share once more.
        for rows in part.iter(10):
            yield from rows[column]
    except Exception as error:
        raise unreadable(f"{where}: cannot be read", error, "check it, or the network") from error


def _kept(rows: Iterator[Row], tally: Tally, alone: bool) -> Iterator[dict[str, str]]:
    """The sentences of a part of a stream, which may end early, as a cut download does.

    What else would refuse it refuses a line alone, which is left out and counted. A part without
    a sentence is left out, unless it is all that there is.
    """
    refused, first = 0, ""
    try:
        for sentence, _ in rows:
            if tally.refusals:
                refused, first = refused + len(tally.refusals), first or tally.refusals[0]
                tally.refusals.clear()
            yield {"text": sentence}
    except UsageError as error:
        if tally.sentences:
            note(f"{error}; it ends early, after {tally.sentences:,} sentences, which are kept")
        elif alone:
            raise
        else:
            note(f"{error}; left out")
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
        stream = self.stream
        if stream.published is None:
            paths = find_files(stream.texts)
        else:
            paths = sorted(Path(stream.published.partition(":")[0]).expanduser().rglob("*"))
        stats = [(path.name, path.stat()) for path in paths if path.is_file()]
        texts = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
        columns = (stream.columns.text, stream.columns.label)
        shares = [stream.seed, stream.held_out, self.size, self.held_out]
        return [texts or stream.texts, columns, *shares]

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        found: dict[str, list[Row]] = {"train": [], "valid": [], "test": []}
        wanted = {"train": self.size, "valid": self.held_out, "test": self.held_out}
        number = 0
        for number, row in enumerate(self.stream.open(0), 1):
            sentence = row["text"]
            place = self.stream.is_held_out(sentence)
            split = "train" if place is None else "valid" if place < 0.5 else "test"
            if len(found[split]) < wanted[split]:
                found[split].append((sentence, None))
            full = all(len(rows) == wanted[split] for split, rows in found.items())
            if full or number > FIRST * self.size:
                break
        where = ", ".join(self.stream.texts)
        if not number:
            raise UsageError(f"{where}: no sentence that can be read; mend what is said above")
        for split, rows in found.items():
            if not rows:
                raise UsageError(
                    f"{where}: no sentence for {split} in the first {number:,}; raise "
                    "--data.held_out_share, or read a corpus of this size by TextData"
                )
        splits, notes = gather(found, folder, where)
        return splits, [
            f"train: the first {len(found['train']):,} of a stream; training reads all of it",
            *notes,
        ]
