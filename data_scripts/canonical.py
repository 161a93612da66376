"""What the scripts of this folder share: the canonical folder of a corpus, and its manifest.

A folder has train, valid and test, each a .txt with one sentence a line, or a .tsv with the
columns text and label; and manifest.json, which counts what is in them, fingerprints them and
their sources, and says whether the counts are the published ones.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from textvae.data.opening import SUFFIXES, opened
from textvae.data.reader import Tally, decoded_lines
from textvae.errors import UsageError

SPLITS = ("train", "valid", "test")

Row = tuple[str, str | None]
"""A sentence, and its label if the corpus has some."""


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a published file, plain or compressed, without what ends them."""
    with opened(path) as stream:
        yield from (line for _, line in decoded_lines(stream, str(path), Tally()))


def find(folder: Path, *names: str) -> Path:
    """The first of some files that is in a folder, perhaps compressed.

    Raises:
        UsageError: If none is.
    """
    for name in names:
        for suffix in ("", *SUFFIXES):
            if (folder / f"{name}{suffix}").is_file():
                return folder / f"{name}{suffix}"
    raise UsageError(f"{folder}: no file {' or '.join(names)}; give the folder as it is published")


def hashed_split(rows: Iterable[Row], valid: int, test: int) -> dict[str, list[Row]]:
    """Splits different sentences by a hash of each, so that the order of the source is nothing.

    Raises:
        UsageError: If there are too few.
    """
    different = {text: label for text, label in rows}
    if len(different) <= valid + test:
        raise UsageError(
            f"{len(different)} different sentences, too few for {valid} + {test} held out; set "
            "--valid and --test"
        )
    order = sorted(different, key=lambda text: hashlib.sha256(text.encode()).digest())
    parts = {"valid": order[:valid], "test": order[valid : valid + test]}
    held_out = {*parts["valid"], *parts["test"]}
    parts["train"] = [text for text in different if text not in held_out]
    return {split: [(text, different[text]) for text in parts[split]] for split in SPLITS}


def write(
    out: Path,
    splits: dict[str, Iterable[Row]],
    sources: Sequence[Path],
    published: dict[str, Any],
) -> list[str]:
    """Writes the folder of a corpus with its manifest, and says what is not as published.

    Arguments:
        out: The folder.
        splits: The sentences of each split.
        sources: The files that they come from.
        published: The counts that were published, by their dotted names in the manifest.

    Raises:
        UsageError: If the sources are in that folder themselves.
    """
    if out.resolve() in {path.resolve().parent for path in sources}:
        raise UsageError(f"{out}: the source is there, and would be written over; choose another")
    out.mkdir(parents=True, exist_ok=True)
    counts = {split: _write_split(out, split, rows) for split, rows in splits.items()}
    differences = []
    for name, value in published.items():
        split, _, key = name.partition(".")
        if counts[split].get(key) != value:
            differences.append(f"{name}: {counts[split].get(key):,}, published {value:,}")
    manifest = {
        "counts": counts,
        "sources": {path.name: _digest(path) for path in sources},
        "published": published,
        "as_published": not differences if published else None,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return differences


def _write_split(out: Path, split: str, rows: Iterable[Row]) -> dict[str, Any]:
    rows = iter(rows)
    first = next(rows, None)
    labelled = first is not None and first[1] is not None
    path, other = (out / f"{split}.{kind}" for kind in ("txt", "tsv")[:: -1 if labelled else 1])
    other.unlink(missing_ok=True)  # of an earlier call: a folder has each split once
    counts = {"sentences": 0, "tokens": 0, "characters": 0}
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if labelled:
            file.write("text\tlabel\n")
        for text, label in [] if first is None else _chained(first, rows):
            counts["sentences"] += 1
            counts["tokens"] += len(text.split()) + 1  # the end of a sentence is one
            counts["characters"] += len(text) + 1
            _write_row(file, text, label)
    return {"file": path.name, **counts, "sha256": _digest(path)}


def _write_row(file: TextIO, text: str, label: str | None) -> None:
    file.write(f"{text}\n" if label is None else f"{' '.join(text.split())}\t{label}\n")


def _chained(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(
    doc: str,
    name: str,
    read: Callable[[argparse.Namespace], tuple[dict[str, Iterable[Row]], list[Path]]],
    published: Callable[[argparse.Namespace], dict[str, Any]],
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
    argv: list[str] | None = None,
    has_source: bool = True,
) -> int:
    """Runs a script: 0 if the corpus is as published, 1 if not, 2 if the source is wrong.

    Arguments:
        doc: The docstring of the script.
        name: The corpus: its folder is data/<name>.
        read: From the options to the splits and the files that they come from.
        published: From the options to the published counts.
        add_arguments: Declares further options.
        argv: The options, or those of the command line.
        has_source: Whether it is made from published files.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    if has_source:
        parser.add_argument("source", type=Path, help="the published file or folder")
    parser.add_argument("--out", type=Path, default=Path("data") / name, help="the folder")
    parser.add_argument("--excerpt", action="store_true", help="do not hold the counts against it")
    add_arguments(parser)
    args = parser.parse_args(argv)
    try:
        splits, sources = read(args)
        differences = write(args.out, splits, sources, published(args))
    except (UsageError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    for line in differences:
        print(f"{name}: {line}", file=sys.stderr)
    print(f"wrote {args.out}", file=sys.stderr)
    return 1 if differences and not args.excerpt else 0
