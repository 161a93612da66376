"""Corpora: sentences and their tokens in memory-mapped files, prepared once and then cached."""

__all__ = [
    "SPLITS",
    "Column",
    "Corpus",
    "Source",
    "Splits",
    "TextSource",
    "prepare",
    "write_sentences",
]

import abc
import inspect
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute
from datasets import Dataset, Value
from filelock import FileLock

from ..component import class_path, describe
from ..errors import UsageError
from .characters import CharacterTokenizer
from .pieces import SentencePieceTokenizer
from .reader import Tally
from .tables import Row
from .tokenizer import Tokenizer

SPLITS = ("train", "valid", "test")

FORMAT = 3
"""The version of what is cached, raised when it changes, or what files are read as."""

ABSENT = (OSError, ValueError, KeyError)
"""What tells that a corpus is not in the cache, or damaged."""

FEW = 100_000
"""So many sentences are tokenised faster than processes start."""

Splits = dict[str, Dataset]
"""The sentences of each split in a column named text, and their labels, or nulls, in another."""


class Source(abc.ABC):
    """Where sentences come from."""

    @abc.abstractmethod
    def identity(self) -> Any:
        """Plain data that differ whenever the sentences do."""

    @abc.abstractmethod
    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        """Writes the sentences into a folder; says in one line each what is worth knowing."""


class TextSource(Source):
    """Where sentences of the user's own come from."""

    @abc.abstractmethod
    def rows(self, tally: Tally) -> dict[str, Iterator[Row]]:
        """The sentences as they are read, by the splits that they are in: train at least."""


class Column(Sequence):
    """One column of a dataset, read from the disk entry by entry.

    Arguments:
        dataset: The dataset.
        name: The name of the column.
    """

    def __init__(self, dataset: Dataset, name: str) -> None:
        self.dataset, self.name = dataset, name
        self._chunks = dataset.data.column(name).chunks
        self._starts = np.cumsum([0, *map(len, self._chunks)])

    def __getitem__(self, index: int | slice) -> Any:
        place = range(len(self))[index]
        if isinstance(place, range):
            return [self[i] for i in place]
        chunk = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._chunks[chunk][place - int(self._starts[chunk])].as_py()

    def __iter__(self) -> Iterator[Any]:
        for chunk in self._chunks:
            yield from chunk.to_pylist()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __reduce__(self) -> tuple[type, tuple[Dataset, str]]:
        return Column, (self.dataset, self.name)  # by the names of its files


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus; `texts`, `labels`, `tokens` and `lengths` by the name of the split.

    Arguments:
        texts: The sentences.
        labels: Their labels, or None where there are none.
        tokens: Their tokens, without ``<s>`` and ``</s>``.
        lengths: How many tokens each has.
        tokenizer: What made the tokens.
        notes: What is worth knowing, one line each.
    """

    texts: dict[str, Column]
    labels: dict[str, Column | None]
    tokens: dict[str, Column]
    lengths: dict[str, np.ndarray]
    tokenizer: Tokenizer
    notes: list[str]


def prepare(source: Source, tokenizer: Tokenizer | None) -> Corpus:
    """Reads and tokenises a corpus, or finds it in the cache.

    The cache is that of `datasets` (the environment variable HF_HOME moves it); its key is made of
    the sentences and the tokenizer, not of any file's name or date.

    Arguments:
        source: Where the sentences come from.
        tokenizer: What makes tokens of them. It is fitted on the training sentences unless it has
            been fitted before. None chooses: word pieces, or characters for text without spaces.

    Raises:
        UsageError: If the text is not as it should be, or the cache cannot be written.
    """
    key = json.dumps([FORMAT, source.identity(), _identity(tokenizer)], sort_keys=True)
    name = blake2b(key.encode(), digest_size=16).hexdigest()
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "textvae" / name
    with suppress(*ABSENT):
        return _load(folder, tokenizer)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # One process of a run builds it, and the others wait.
        with FileLock(folder.parent.with_name(f"textvae-{name}.lock")):
            with suppress(*ABSENT):
                return _load(folder, tokenizer)
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder, source, tokenizer)
    except OSError as error:
        raise UsageError(
            f"{folder.parent}: cannot write the cache ({error.strerror or error}); free some "
            "space, or set HF_HOME to a folder that you may write to"
        ) from error
    return _load(folder, tokenizer)


def write_sentences(path: Path, rows: Iterable[Row]) -> Dataset:
    """Writes sentences and labels into an Arrow file as they come, and maps it into memory."""
    schema = pa.schema({"text": pa.string(), "label": pa.string()})
    rows = iter(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        while chunk := list(islice(rows, 1000)):
            columns = [pa.array(column, pa.string()) for column in zip(*chunk, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    return Dataset.from_file(str(path))


def choose(texts: Iterable[str]) -> Tokenizer:
    """Word pieces, or characters where under 1 % of the characters are spaces."""
    characters = spaces = 0
    for text in texts:
        characters += len(text)
        spaces += text.count(" ")
    return CharacterTokenizer() if spaces < 0.01 * characters else SentencePieceTokenizer()


def _identity(tokenizer: Tokenizer | None) -> Any:
    """What decides the tokens: class, arguments and code, and what was learned if it has been."""
    if tokenizer is None:
        return None
    cls = type(tokenizer)
    try:
        code = inspect.getsource(inspect.getmodule(cls))
    except (OSError, TypeError):  # typed into a notebook
        code = datasets.fingerprint.Hasher.hash(cls)
    learned = {}
    if tokenizer.vocab_size:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(Path(folder))
            for path in sorted(Path(folder).rglob("*")):
                learned[path.name] = blake2b(path.read_bytes()).hexdigest()
    return [describe(tokenizer), blake2b(code.encode()).hexdigest(), learned]


def _build(folder: Path, source: Source, tokenizer: Tokenizer | None) -> None:
    """Prepares a corpus in a folder that appears whole or not at all."""
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        (raw := temporary / "raw").mkdir()
        with _quiet():
            splits, notes = source.read(raw)
            tokenizer = tokenizer or choose(_texts(splits["train"]))
            if not tokenizer.vocab_size:
                tokenizer.fit(_texts(splits["train"]))
            for split, dataset in splits.items():
                _tokenise(dataset, tokenizer, temporary / f"{split}.arrow")
        shutil.rmtree(raw)
        (temporary / "tokenizer").mkdir()
        tokenizer.save(temporary / "tokenizer")
        facts = {
            "tokenizer": class_path(type(tokenizer)),
            "sentences": {split: len(dataset) for split, dataset in splits.items()},
            "notes": notes,
        }
        (temporary / "corpus.json").write_text(json.dumps(facts), encoding="utf-8")
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _texts(dataset: Dataset) -> Iterator[str]:
    for rows in dataset.iter(1000):
        yield from rows["text"]


def _tokenise(dataset: Dataset, tokenizer: Tokenizer, path: Path) -> None:
    def encode(rows: dict[str, list]) -> dict[str, list]:
        texts = rows["text"]
        lost = [0 if tokenizer.lossless else tokenizer.count_lost([text]) for text in texts]
        return {"tokens": tokenizer.encode(texts), "lost": lost}

    columns = {"tokens": datasets.Sequence(Value("int32")), "lost": Value("int32")}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    dataset.map(
        encode,
        batched=True,
        features=datasets.Features({**dataset.features, **columns}),
        num_proc=None if len(dataset) <= FEW else min(cores or 1, 8),
        cache_file_name=str(path),
        new_fingerprint=path.stem,  # the folder's name says the rest
    )


def _load(folder: Path, tokenizer: Tokenizer | None) -> Corpus:
    facts = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    if tokenizer is None:
        choices = (CharacterTokenizer, SentencePieceTokenizer)
        tokenizer = {class_path(cls): cls for cls in choices}[facts["tokenizer"]]()
    if not tokenizer.vocab_size:
        tokenizer.restore(folder / "tokenizer")

    texts, labels, tokens, lengths, notes = {}, {}, {}, {}, list(facts["notes"])
    for split, count in facts["sentences"].items():
        # One file, or one from each of the processes that made it.
        files = sorted(folder.glob(f"{split}*.arrow"))
        dataset = datasets.concatenate_datasets([Dataset.from_file(str(file)) for file in files])
        if len(dataset) != count:
            raise ValueError(f"{folder} has {len(dataset)} {split} sentences, not {count}.")
        texts[split], tokens[split] = Column(dataset, "text"), Column(dataset, "tokens")
        labelled = len(dataset) > dataset.data.column("label").null_count
        labels[split] = Column(dataset, "label") if labelled else None
        column = dataset.data.column("tokens")
        lengths[split] = pa.compute.list_value_length(column).to_numpy()
        lost = pa.compute.sum(dataset.data.column("lost")).as_py()
        if lost:
            notes.append(
                f"{split}: {lost:,} of {lengths[split].sum():,} tokens are not in the vocabulary"
            )
    return Corpus(texts, labels, tokens, lengths, tokenizer, notes)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars except on a terminal."""
    shown = not datasets.are_progress_bars_disabled()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
