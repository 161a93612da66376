"""Data modules: from files to batches, cached, with everything said and nothing lost."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser

from textvae.data import (
    CharacterTokenizer,
    GrammarData,
    SentenceData,
    SentencePieceTokenizer,
    TextData,
    WordTokenizer,
    corpus,
)
from textvae.data.english import english
from textvae.errors import UsageError
from textvae.types import EOS

from .corpora import LINES, everything, words

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"

pytestmark = pytest.mark.usefixtures("cache")


def test_long_sentences_are_left_out_of_training_only(write: Callable[..., str]) -> None:
    long = " ".join(["long"] * 50)
    write("mine/train.txt", [*LINES, long, f"{long} long"])
    write("mine/valid.txt", [f"{long} valid"])
    path = Path(write("mine/test.txt", [f"{long} test"])).parent
    data = words(str(path), max_length=50)

    seen = torch.cat([batch.index for batch in data.train_dataloader()])
    assert sorted(seen.tolist()) == list(range(401))
    assert any("1 sentence of over 50 tokens (--data.max_length)" in note for note in data.notes)
    (batch,) = data.test_dataloader()
    assert batch.target_mask.sum() == 52
    assert len(data.texts("train")) == 402


def test_a_sentence_without_spaces_that_has_no_room_is_shown(write: Callable[..., str]) -> None:
    """Its beginning, without the control characters that it may hold."""
    long = "我\x1b[31m们" + "很好" * 40
    data = TextData(text=write("zh.txt", [*LINES, long]), tokenizer=CharacterTokenizer())
    with pytest.raises(UsageError) as raised:
        data.check_lengths(None, 70)
    assert "(我 [31m们很好很好" in str(raised.value) and "很好很 ...)" in str(raised.value)


def test_too_small_a_max_length_is_refused(folder: str) -> None:
    with pytest.raises(
        UsageError, match="all training sentences have over 3 tokens; raise --data.max_length"
    ):
        words(folder, max_length=3).prepare()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 1}, "'batch_size' must be at least 2, got 1"),
        ({"batch_tokens": 0}, "'batch_tokens' must be at least 2, got 0"),
        ({"max_length": 0}, "'max_length' must be at least 1, got 0"),
        ({"num_workers": -1}, "'num_workers' must not be negative, got -1"),
        ({"fractions": (0.5, 0.5)}, "'fractions' must be positive, their sum under 1"),
        ({"fractions": (0.0, 0.5)}, "'fractions' must be positive"),
    ],
)
def test_impossible_values_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextData("a.txt", **arguments)
    with pytest.raises(ValueError, match="'test_size' must be at least 2, got 1"):
        GrammarData(test_size=1)


def test_an_unwritable_cache_is_refused(folder: str, cache: Path) -> None:
    cache.parent.mkdir()
    cache.touch()  # a file where a folder should be
    with pytest.raises(UsageError, match="cannot write the cache .* set HF_HOME to a folder"):
        words(folder).prepare()


def test_the_cache_follows_content_and_tokenizer(
    folder: str, write: Callable[..., str], cache: Path
) -> None:
    def entries() -> int:
        return len(list(cache.iterdir()))

    words(folder).prepare()
    times = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    os.utime(Path(folder) / "train.txt")
    words(folder, batch_size=7, max_length=9).prepare()
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == times
    assert sorted(path.name for path in Path(folder).iterdir()) == [
        "test.txt",
        "train.txt",
        "valid.txt",
    ]

    TextData(folder, tokenizer=WordTokenizer(min_count=2)).prepare()
    assert entries() == 2
    TextData(folder, tokenizer=CharacterTokenizer()).prepare()
    assert entries() == 3
    write("mine/test.txt", ["other"])
    assert list(words(folder).texts("test")) == ["other"]
    assert entries() == 4


def test_a_damaged_cache_is_made_anew(folder: str, cache: Path) -> None:
    expected = everything(words(folder))
    for damage in ("train.arrow", "corpus.json", "tokenizer/vocabulary.json"):
        (path,) = cache.glob(f"*/{damage}")
        path.write_bytes(path.read_bytes()[:100])
        assert everything(words(folder)) == expected


def test_a_fitted_tokenizer_is_taken_as_it_is(folder: str, write: Callable[..., str]) -> None:
    tokenizer = words(folder).tokenizer
    size = tokenizer.vocab_size
    other = TextData(write("a.txt", ["number", "sentence unheard", "of"]), tokenizer=tokenizer)
    other.prepare()
    assert other.tokenizer is tokenizer and tokenizer.vocab_size == size
    assert any("not in the vocabulary" in note for note in other.notes)


def test_the_default_tokenizer_suits_the_text(write: Callable[..., str]) -> None:
    poems = [f"春眠不覺曉{chr(0x4E00 + i)}處處聞啼鳥" for i in range(100)]
    for name, lines, cls in [
        ("words.txt", LINES, SentencePieceTokenizer),
        ("poems.txt", poems, CharacterTokenizer),
    ]:
        for _ in range(2):  # read, then found in the cache
            data = TextData(write(name, lines))
            assert type(data.tokenizer) is cls and data.tokenizer.lossless
            for split in ("train", "valid", "test"):
                texts = list(data.texts(split))
                assert data.tokenizer.decode(data.sentences(split)) == texts


def test_columns_are_sequences_on_disk(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    column = words(folder).texts("train")
    assert len(column) == 400 and list(column) == LINES
    assert column[0] == LINES[0] and column[-1] == LINES[-1]
    assert column[10:13] == LINES[10:13] and column[np.int64(5)] == LINES[5]
    assert pickle.loads(pickle.dumps(column))[7] == LINES[7]
    assert len(pickle.dumps(column)) < 4_000  # file names, not sentences
    with pytest.raises(IndexError):
        column[400]
    assert column.dataset.cache_files


def test_processes_tokenise_as_one_does(
    folder: str, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    alone = [list(words(folder).sentences(split)) for split in ("train", "valid")]
    monkeypatch.setattr(corpus, "FEW", 100)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    (entry,) = cache.iterdir()
    entry.rename(cache / "elsewhere")
    data = words(folder)
    assert [list(data.sentences(split)) for split in ("train", "valid")] == alone
    assert len(list(cache.glob("*/train_*.arrow"))) == 3
    assert [len(chunk) for chunk in data.texts("train")._chunks] == [134, 133, 133]
    assert list(data.texts("train")) == LINES and data.texts("train")[134] == LINES[134]


def test_batches_hold_the_tokens_of_their_sentences(folder: str) -> None:
    data = words(folder, batch_tokens=200)
    for loader, split in [(data.train_dataloader(), "train"), (data.test_dataloader(), "test")]:
        seen = []
        for batch in loader:
            assert batch.target.numel() <= 200
            for row, mask, i in zip(batch.target, batch.target_mask, batch.index, strict=True):
                seen.append(int(i))
                assert row[mask].tolist() == [*data.sentences(split)[int(i)], EOS]
        assert sorted(seen) == list(range(len(data.texts(split))))


def test_the_order_follows_the_seed_of_the_run(folder: str) -> None:
    def order(seed: int) -> list[list[int]]:
        torch.manual_seed(seed)
        return [batch.index.tolist() for batch in words(folder).train_dataloader()]

    assert order(3) == order(3) != order(4)


def test_the_grammar_is_the_default_and_knows_its_floor() -> None:
    data = GrammarData(train_size=2000, valid_size=50, test_size=60)
    texts = list(data.texts("test"))
    drawn = list(english().draw(60, seed="0 test"))

    assert len(data.texts("train")) == 2000 and len(data.texts("valid")) == 50
    assert texts == [sentence.text for sentence in drawn]
    floor = -sum(sentence.log_prob for sentence in drawn) / 60
    assert data.floor("test") == pytest.approx(floor, abs=1e-9)
    factors = data.factors("test")
    assert [
        dict(zip(factors, row, strict=True)) for row in zip(*factors.values(), strict=True)
    ] == [sentence.factors for sentence in drawn]
    assert data.tokenizer.decode(data.sentences("test")) == texts
    other = GrammarData(train_size=2000, valid_size=50, test_size=60, seed=1)
    assert list(other.texts("test")) != texts


def test_text_has_no_known_floor(folder: str) -> None:
    assert words(folder).floor("test") is None


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "data").glob("*.yaml")), ids=str)
def test_shipped_configs_build(path: Path, write: Callable[..., str]) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(SentenceData, "data")
    options = [f"--data={path}"]
    if path.stem not in ("grammar", "stream"):
        options += [f"--data.text={write('a.txt', LINES)}", "--data.fractions=[0.1, 0.1]"]
    data = parser.instantiate(parser.parse_args(options)).data

    assert isinstance(data, SentenceData)
    if path.stem not in ("grammar", "stream"):
        assert data.vocab_size > 4 and data.fractions == (0.1, 0.1)


def test_tokenizers_cost_neither_lightning_nor_datasets() -> None:
    code = (
        "import sys, textvae.data.words, textvae.data.characters, textvae.data.pieces, "
        "textvae.data.reader, textvae.data.batching, textvae.data.english\n"
        "print([m for m in ('pytorch_lightning', 'datasets', 'pyarrow') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stderr


def test_no_progress_bar_in_a_log(folder: str, capfd: pytest.CaptureFixture) -> None:
    words(folder).prepare()
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not (SHARED / "ptb").is_dir(), reason="Penn Treebank is not there")
@pytest.mark.parametrize("limit", [{"batch_size": 32}, {"batch_tokens": 1024}])
def test_penn_treebank_has_its_counts_and_little_padding(limit: dict[str, int]) -> None:
    data = TextData(
        str(SHARED / "ptb"), tokenizer=WordTokenizer(unk_token="<unk>"), max_length=60, **limit
    )
    tokens = {split: sum(data.corpus.lengths[split] + 1) for split in ("train", "valid", "test")}
    assert tokens == {"train": 929_589, "valid": 73_760, "test": 82_430}
    assert data.vocab_size == 10_002
    assert not any("vocabulary" in note for note in data.notes)
    assert any(note.startswith("train: 72 sentences of over 60") for note in data.notes)

    real = size = 0
    for batch in data.train_dataloader():
        real += int(batch.target_mask.sum())
        size += batch.target_mask.numel()
        assert len(batch) > 1
    assert 1 - real / size <= 0.05


@pytest.mark.skipif(not (SHARED / "zh_quatrain5").is_dir(), reason="the quatrains are not there")
def test_chinese_quatrains_are_read_by_character_and_not_lost() -> None:
    data = TextData(str(SHARED / "zh_quatrain5"))
    texts = list(data.texts("test"))
    assert type(data.tokenizer) is CharacterTokenizer and len(texts) == 842
    assert data.tokenizer.decode(data.sentences("test")) == texts
