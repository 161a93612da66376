"""Reading tables: TSV, CSV, JSON Lines and Parquet, with columns of text and of labels."""

__all__ = ["FORMATS", "Cells", "Columns", "Row", "accepted", "read_lines", "read_rows"]

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UsageError
from .opening import SUFFIXES, opened, stem_of, told
from .reader import BYTE_ORDER_MARK, LONGEST_LINE, Tally, accept, decoded_lines, read_stream

Row = tuple[str, str | None]
"""A sentence and its label, if it has one."""

JSON = (".jsonl", ".ndjson", ".json")
"""The names of JSON Lines."""

FORMATS = (".txt", ".tsv", ".csv", *JSON, ".parquet")
"""The names of what can be read; any other name is one of plain text."""

USUAL = ("text", "sentence")
"""What a column of text is mostly called."""


@dataclass(frozen=True)
class Columns:
    """Where a table holds what.

    Arguments:
        text: The name of the column of sentences; its number, from 1, in a TSV or CSV file without
            a header. None takes the only column, or the one called text or sentence.
        label: The same for labels; None for none.
    """

    text: str | None = None
    label: str | None = None

    @property
    def numbered(self) -> bool:
        """Whether columns go by their numbers."""
        return all(name is None or name.isdecimal() for name in (self.text, self.label)) and (
            self.text is not None
        )

    def chosen(self, names: Sequence[str], where: str) -> tuple[str, str | None]:
        """The names of the columns to read, out of those that there are.

        Raises:
            UsageError: If one is missing, or if it takes a choice.
        """
        there = f"there are: {', '.join(names)}"
        for name in (self.text, self.label):
            if name is not None and name not in names:
                raise UsageError(f"{where}: no column {name}; {there}")
        if self.text is not None:
            return self.text, self.label
        free = [name for name in names if name != self.label]
        usual = [name for name in USUAL if name in free]
        if len(free) != 1 and not usual:
            raise UsageError(
                f"{where}: name the column of sentences (--data.text_column to train, else "
                f"--text-column); {there}"
            )
        return (usual or free)[0], self.label


def read_rows(path: Path, columns: Columns, tally: Tally) -> Iterator[Row]:
    """The sentences of a file with their labels, in order.

    What the file is, its name says; a file of text with named columns is one of TSV.

    Arguments:
        path: The file, plain or compressed.
        columns: Where it holds what.
        tally: Where to count.

    Raises:
        UsageError: If it cannot be read, or is not what its name says.
    """
    tables = {".csv": _csv, ".parquet": _parquet, **dict.fromkeys(JSON, _json)}
    kind = stem_of(path).suffix.lower()
    if kind in tables:
        yield from accepted(tables[kind](path, columns, tally), str(path), columns, tally)
        return
    with opened(path) as stream:
        yield from read_lines(stream, str(path), columns, tally, is_table=kind == ".tsv")


def read_lines(
    stream: BinaryIO, name: str, columns: Columns, tally: Tally, is_table: bool = False
) -> Iterator[Row]:
    """The sentences of a stream of lines with their labels, in order.

    Arguments:
        stream: The bytes.
        name: What to call it in an error.
        columns: Where it holds what; where they are named, it is TSV.
        tally: Where to count.
        is_table: Whether it is TSV in any case.

    Raises:
        UsageError: If it is not the text that it should be.
    """
    if is_table or columns.text is not None:
        yield from accepted(_tsv(stream, name, columns, tally), name, columns, tally)
    elif columns.label is not None:
        raise UsageError(f"{name}: labels need columns; name that of the text too")
    else:
        yield from ((sentence, None) for sentence in read_stream(stream, name, tally))


Cells = Iterator[tuple[str, Any, Any]]
"""Where each row stands, its text, and its label."""


def accepted(cells: Cells, name: str, columns: Columns, tally: Tally) -> Iterator[Row]:
    """The rows that are sentences, counted; what cannot be one is refused.

    Raises:
        UsageError: If there is none, or at what is refused.
    """
    before = tally.sentences
    for where, text, label in cells:
        label = _label(label)
        if not isinstance(text, str | None):
            tally.refuse(f"{where}: the text is {json.dumps(text, default=str)}, no string")
            continue
        if columns.label is not None and not label and text and text.strip():
            tally.refuse(f"{where}: no label; fill it in, or leave out the row")
            continue
        sentence = accept(text or "", tally, where)
        if sentence is not None:
            yield sentence, label
    if tally.sentences == before and not tally.refusals:
        raise UsageError(f"{name}: no sentence in it; check the column of the text")


def _label(value: Any) -> str | None:
    """A label as text. A column of numbers with gaps is one of floats, and its gaps are NaN."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        value = int(value) if value.is_integer() else value
    return None if value is None else str(value).strip()


def _tsv(stream: BinaryIO, name: str, columns: Columns, tally: Tally) -> Cells:
    # Quotes are characters like any other: published TSV files have unbalanced ones.
    lines = decoded_lines(stream, name, tally)
    rows = ((number, line.split("\t")) for number, line in lines)
    yield from _cells(name, rows, columns, tally)


def _csv(path: Path, columns: Columns, tally: Tally) -> Cells:
    csv.field_size_limit(LONGEST_LINE)  # its own is smaller
    number = 0  # of the line that was read last, which ends the row

    def lines(stream: BinaryIO) -> Iterator[str]:
        nonlocal number
        for number, line in decoded_lines(stream, str(path), tally):  # noqa: B007
            yield f"{line}\n"

    with opened(path) as stream:
        try:
            rows = ((number, row) for row in csv.reader(lines(stream), strict=True))
            yield from _cells(str(path), rows, columns, tally, others=";\t")
        except csv.Error as error:
            raise UsageError(
                f"{path}, line {number}: no valid CSV ({error}); check the quotes"
            ) from error


def _cells(
    name: str,
    rows: Iterable[tuple[int, list[str]]],
    columns: Columns,
    tally: Tally,
    others: str = "",
) -> Cells:
    """The cells of rows whose first one names the columns, unless they go by number.

    Arguments:
        name: What to call the file in an error.
        rows: The rows, each with the number of its line.
        columns: Where they hold what.
        tally: Where to count.
        others: What separates columns elsewhere, and stands in no name of a single one.
    """
    names: list[str] | None = None
    for number, row in rows:
        if names is None:
            header = not columns.numbered
            if header and len(row) == 1 and set(others) & set(row[0]):
                raise UsageError(
                    f"{name}: one column, {row[0][:60]!r}, as commas separate CSV; save it with "
                    "commas, or if tabs separate it name it .tsv"
                )
            names = row if header else [str(i) for i in range(1, len(row) + 1)]
            text, label = columns.chosen(names, name)
            place, label_place = names.index(text), None if label is None else names.index(label)
            if header:
                continue
        if row in ([], [""]):
            row = [""] * len(names)  # an empty line, counted as one
        where = f"{name}, line {number}"
        if len(row) != len(names):
            tally.refuse(f"{where}: {len(row)} columns, where there should be {len(names)}")
            continue
        yield where, row[place], None if label_place is None else row[label_place]


def _json(path: Path, columns: Columns, tally: Tally) -> Cells:
    chosen = None  # by the first line
    with opened(path) as stream:
        if stream.peek(9)[:9].removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
            raise UsageError(
                f"{path}: an array of JSON; put each object on its own line (jq -c '.[]' does)"
            )
        for number, line in decoded_lines(stream, str(path), tally):
            where = f"{path}, line {number}"
            if not line.strip():
                yield where, "", None
                continue
            try:
                record = json.loads(line)
                if "\\u" in line:  # half a character would be one that no file can hold
                    json.dumps(record, ensure_ascii=False).encode()
            except (ValueError, RecursionError) as error:
                tally.refuse(f"{where}: no valid JSON ({error})")
                continue
            if not isinstance(record, Mapping):
                tally.refuse(f"{where}: no object of JSON; each line is one, with the columns")
                continue
            if chosen is None:
                chosen = columns.chosen(list(record), where)
            if missing := [name for name in chosen if name is not None and name not in record]:
                there = ", ".join(record)
                tally.refuse(f"{where}: no column {missing[0]}; there are: {there}")
                continue
            text, label = chosen
            yield where, record[text], None if label is None else record[label]


def _parquet(path: Path, columns: Columns, tally: Tally) -> Cells:
    if path.suffix.lower() in SUFFIXES:
        raise UsageError(
            f"{path}: Parquet is compressed inside; unpack it, and name it {stem_of(path).name}"
        )
    # Here, because nothing else needs it.
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with told(path):
        try:
            with ParquetFile(path) as file:
                text, label = columns.chosen(file.schema_arrow.names, str(path))
                names, number = [text] + [label] * (label is not None), 0
                for batch in file.iter_batches(batch_size=1000, columns=names):
                    values = batch.to_pydict()
                    for i, value in enumerate(values[text], 1):
                        where = f"{path}, row {number + i}"
                        yield where, value, None if label is None else values[label][i - 1]
                    number += len(batch)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise UsageError(
                f"{path}: no Parquet, or cut off ({str(error).splitlines()[0]}); save it again"
            ) from error
