"""Files as corpora: how they are split, what is said of them, and what is refused."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from textvae.data import TextData, WordTokenizer
from textvae.errors import UsageError

from .corpora import LINES, everything, words

pytestmark = pytest.mark.usefixtures("cache")


def test_a_prepared_folder_keeps_its_splits(folder: str) -> None:
    data = words(folder)
    assert everything(data)["train"] == LINES
    assert everything(data)["test"][:2] == ["a test", "sentence number"]
    assert data.tokenizer.decode(data.sentences("train")) == LINES
    assert data.vocab_size == data.tokenizer.vocab_size > 400


def test_a_folder_may_be_compressed(folder: str) -> None:
    plain = everything(words(folder))
    for path in Path(folder).glob("*.txt"):
        path.with_suffix(".txt.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert everything(words(folder)) == plain


def test_a_file_that_is_renamed_is_read_as_its_new_name_says(write: Callable[..., str]) -> None:
    folder = Path(write("mine/train.txt", ["text", *LINES])).parent
    for split in ("valid", "test"):
        write(f"mine/{split}.txt", ["a", "b"])
    assert everything(words(str(folder)))["train"] == ["text", *LINES]
    (folder / "train.txt").rename(folder / "train.tsv")
    assert everything(words(str(folder)))["train"] == LINES


def test_a_file_is_split_whole_by_the_hash_of_its_sentences(write: Callable[..., str]) -> None:
    lines = LINES + LINES[:100] + LINES[:50]
    splits = everything(words(write("a.txt", lines), fractions=(0.1, 0.2)))

    assert Counter(line for split in splits.values() for line in split) == Counter(lines)
    sets = {split: set(lines) for split, lines in splits.items()}
    assert sum(map(len, sets.values())) == len(set(lines))  # copies share a split
    # 400 draws: five standard deviations.
    for split, share in {"valid": 0.1, "test": 0.2}.items():
        assert abs(len(sets[split]) - 400 * share) <= 5 * (400 * share * (1 - share)) ** 0.5
    # Neither order nor other sentences move a sentence.
    again = everything(words(write("b.txt", [*lines[::-2], "new"]), fractions=(0.1, 0.2)))
    assert all(set(again[split]) <= sets[split] | {"new"} for split in sets)


def test_the_split_follows_from_the_seed(write: Callable[..., str]) -> None:
    path = write("a.txt", LINES)
    assert everything(words(path, seed=1)) == everything(words(path, seed=1))
    assert everything(words(path, seed=1))["test"] != everything(words(path, seed=2))["test"]


@pytest.mark.parametrize("seed", range(10))
def test_the_smallest_file_has_something_for_each_split(
    seed: int, write: Callable[..., str]
) -> None:
    splits = everything(words(write("a.txt", ["a", "b", "c", "a"]), seed=seed))
    assert all(splits.values()) and sorted(sum(splits.values(), [])) == ["a", "a", "b", "c"]
    splits = everything(words(write("b.txt", ["a", "b", "c", "d"]), seed=seed))
    assert {split: len(lines) for split, lines in splits.items()} == {
        "train": 2,
        "valid": 1,
        "test": 1,
    }


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        (["", "a", "b", " ", "c"], "a.txt: 2 empty lines left out"),
        (["a\r", "b\r", "c\r"], "a.txt: 3 lines with Windows line ends"),
        (["\ufeffa", "b", "c"], "a.txt: 1 byte-order marks left out"),
        (["a", "b", "c", "a"], "a.txt: 1 of 4 sentences repeat another"),
        (["a </s>", "b", "c"], "a.txt: 1 sentences with a literal </s>, an ordinary word here"),
        (["a <unk>", "b", "c"], "a.txt: 1 sentences with a literal <unk>, an ordinary word here"),
    ],
)
def test_what_is_accepted_is_said_in_one_line(
    lines: list[str], note: str, write: Callable[..., str]
) -> None:
    path = write("a.txt", lines)
    for _ in range(2):  # read, then found in the cache
        data = words(path)
        (line,) = [line for line in data.notes if line.startswith("a.txt")]
        assert note in line


def test_splits_are_compared_and_unknown_words_counted(folder: str) -> None:
    notes = words(folder).notes
    assert notes[0] == (
        "400 train, 2 valid, 4 test sentences; "
        f"WordTokenizer with {words(folder).vocab_size:,} tokens"
    )
    assert "valid: 1 of 2 sentences also occur in train" in notes
    assert "test: 2 of 4 sentences also occur in train" in notes
    assert "valid: 1 of 11 tokens are not in the vocabulary" in notes
    assert "test: 2 of 16 tokens are not in the vocabulary" in notes


def test_the_unknown_word_of_a_text_needs_no_note(write: Callable[..., str]) -> None:
    path = write("a.txt", ["a <unk>", "b <unk>", "<unk>"])
    notes = TextData(path, tokenizer=WordTokenizer(unk_token="<unk>")).notes
    assert not [note for note in notes if "<unk>" in note]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.txt: no sentence in it"),
        (b"\n\n", "a.txt: no sentence in it"),
        (b"a\nb\n", "a.txt: 2 different sentences; add some, it takes at least 3"),
        (b"a\nb\na\nb\n", "a.txt: 2 different sentences"),
        (b"a\nb\nc\n" + b"x" * 10_000_000, "a.txt, line 4: longer than 1,000,000 bytes"),
        (b"a\nb\n\xff\n", "a.txt, line 3: byte 1 is not UTF-8"),
        (b"a\nb\nc\0\n", "a.txt, line 3: a NUL byte"),
        (gzip.compress(b"a\nb\nc\n" * 100)[:-9], "a.txt: corrupt gzip"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    content: bytes, message: str, write: Callable[..., str], cache: Path
) -> None:
    with pytest.raises(UsageError, match=message) as error:
        words(write("a.txt", content)).prepare()
    assert "\n" not in str(error.value)
    assert list(cache.iterdir()) == []


def test_missing_texts_are_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no text: name a file, .* by --data.text"):
        words(None).prepare()
    with pytest.raises(UsageError, match="none.txt: no such file"):
        words(str(tmp_path / "none.txt")).prepare()
    with pytest.raises(UsageError, match="a folder without train.txt; it takes train.txt, valid"):
        words(str(tmp_path)).prepare()
    (Path(folder) / "test.txt").unlink()
    with pytest.raises(UsageError, match="a folder without test.txt"):
        words(folder).prepare()


def test_a_folder_needs_something_in_each_split(folder: str, write: Callable[..., str]) -> None:
    write("mine/train.txt", ["a", "b"])
    with pytest.raises(UsageError, match="train.txt: 2 sentences; add some"):
        words(folder).prepare()
    write("mine/train.txt", ["a", "b", "c"])
    write("mine/valid.txt", [" "])
    with pytest.raises(UsageError, match="valid.txt: no sentence in it"):
        words(folder).prepare()


# Data sets of `datasets`


def saved(folder: Path, **splits: int) -> str:
    """A local data set in the hub's format, and its name."""
    features = datasets.Features(
        review=datasets.Value("string"), stars=datasets.ClassLabel(names=["bad", "good"])
    )
    found, start = {}, 0
    for split, size in splits.items():
        lines = [f"line {i} here" for i in range(start, start + size)]
        columns = {"review": lines, "stars": [i % 2 for i in range(size)]}
        found[split] = datasets.Dataset.from_dict(columns, features=features)
        start += size
    datasets.DatasetDict(found).save_to_disk(folder)
    return str(folder)


def test_saved_data_sets_are_read_and_missing_splits_are_taken_out_of_train(
    tmp_path: Path,
) -> None:
    columns = {"text_column": "review", "label_column": "stars"}
    data = words(saved(tmp_path / "whole", train=20, validation=4, test=5), **columns)
    assert {s: len(t) for s, t in everything(data).items()} == {"train": 20, "valid": 4, "test": 5}
    assert list(data.labels("valid")) == ["bad", "good", "bad", "good"]

    data = words(saved(tmp_path / "two", train=200, test=5, extra=3), **columns)
    sizes = {split: len(texts) for split, texts in everything(data).items()}
    assert sizes["test"] == 5 and sizes["train"] + sizes["valid"] == 200 and sizes["valid"] > 0
    assert f"{tmp_path}/two: not read: extra" in data.notes
    data = words(saved(tmp_path / "one", train=50), **columns)
    assert all(everything(data).values())
    with pytest.raises(UsageError, match="no split train; there are: extra"):
        words(saved(tmp_path / "none", extra=3), **columns).prepare()
    with pytest.raises(UsageError, match="no column txt; there are: review, stars"):
        words(str(tmp_path / "one"), text_column="txt").prepare()


def test_a_folder_of_the_hubs_files_is_read_by_its_name(
    write: Callable[..., str], tmp_path: Path
) -> None:
    write("local/train.jsonl", "".join(json.dumps({"text": line}) + "\n" for line in LINES))
    data = words(f"hf:{tmp_path}/local")
    assert sorted(sum(everything(data).values(), [])) == sorted(LINES)
    with pytest.raises(UsageError, match="hf:.*nowhere: cannot be loaded"):
        words(f"hf:{tmp_path}/nowhere").prepare()
