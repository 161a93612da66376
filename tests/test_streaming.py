"""Streams: every sentence once a turn, whoever reads, and the same batches after a cut."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from itertools import islice, takewhile
from pathlib import Path

import datasets
import pytest
import torch

from textvae.data import StreamData, WordTokenizer
from textvae.data.stream_loader import StreamLoader
from textvae.errors import UsageError
from textvae.types import Batch

pytestmark = pytest.mark.usefixtures("cache")

LINES = [f"a{i} b{i % 10} {'c ' * (i // 4 % 4)}d" for i in range(600)]
SIZES = {"head": 100, "held_out": 10, "held_out_share": 0.2, "block": 64, "batch_size": 8}


@pytest.fixture
def pattern(write: Callable[..., str], tmp_path: Path) -> str:
    for i in range(4):
        write(f"parts/{i}.txt", LINES[i::4])
    return f"{tmp_path}/parts/*.txt"


def stream(text: str, **options: object) -> StreamData:
    return StreamData(text, tokenizer=WordTokenizer(min_count=1), **{**SIZES, **options})


def loader(data: StreamData, rank: int = 0, processes: int = 1) -> StreamLoader:
    data._place = lambda: (rank, processes)
    torch.manual_seed(3)
    return data.train_dataloader()


def read(data: StreamData, batches: list[Batch]) -> list[str]:
    """The first words of sentences, which tell them apart; those unknown read <unk>."""
    rows = [row for batch in batches for row in batch.target.tolist()]
    return [line.split()[0] for line in data.tokenizer.decode(rows)]


def training(data: StreamData) -> set[str]:
    return {line.split()[0] for line in LINES if data.stream.is_held_out(line) is None}


def one_turn(reader: StreamLoader) -> list[Batch]:
    items = takewhile(lambda item: item[1]["turn"] == 0, reader.batches)
    return [batch for _, _, batch in items]


def test_a_turn_has_every_training_sentence_once(pattern: str) -> None:
    data = stream(pattern, head=600)
    words = read(data, one_turn(loader(data)))
    assert sorted(words) == sorted(training(data)) and 400 < len(words) < 560
    held_out = {line.split()[0] for s in ("valid", "test") for line in data.texts(s)}
    assert len(held_out) == 20 and not held_out & training(data)
    assert words != sorted(words) and read(data, one_turn(loader(data))) == words


def test_batches_keep_their_limits_and_little_padding(pattern: str) -> None:
    batches = one_turn(loader(stream(pattern, max_length=4)))
    assert all(2 <= len(batch) <= 9 for batch in batches)
    assert max(batch.target_mask.sum(1).max() for batch in batches) == 5
    real = sum(int(batch.target_mask.sum()) for batch in batches)
    assert real / sum(batch.target.numel() for batch in batches) > 0.9


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("files", ["*", "0"])
def test_ranks_share_a_turn_without_overlap(pattern: str, processes: int, files: str) -> None:
    text = pattern.replace("*", files)
    data = stream(text, head=600, held_out=4)
    lines = LINES if files == "*" else LINES[0::4]
    expected = {line.split()[0] for line in lines} & training(data)
    parts = [read(data, one_turn(loader(data, r, processes))) for r in range(processes)]
    assert Counter(sum(parts, [])) == Counter(expected)
    assert all(len(part) > 0.2 * len(expected) for part in parts)


def test_workers_share_a_turn_without_overlap(pattern: str) -> None:
    data = stream(pattern, head=600, num_workers=2, batches_per_epoch=60)
    words = Counter(read(data, list(loader(data))))
    # The epoch ends within the second turn of one worker or the other.
    assert set(words) <= training(data) and len(words) > 0.9 * len(training(data))
    assert max(words.values()) <= 2


@pytest.mark.parametrize(("workers", "cut"), [(0, 1), (0, 23), (2, 7), (2, 20)])
def test_a_run_that_is_cut_resumes_with_the_next_batch(
    pattern: str, workers: int, cut: int
) -> None:
    data = stream(pattern, num_workers=workers, batches_per_epoch=40)
    whole = loader(data)
    expected = [batch.target.tolist() for _ in range(2) for batch in whole]
    first = loader(data)
    begun = [batch.target.tolist() for batch in islice(first, cut)]
    again = loader(data)
    again.load_state_dict(first.state_dict())
    rest = [batch.target.tolist() for _ in range(2) for batch in again]
    assert begun + rest == expected and len(rest) == 80 - cut


def test_a_stream_that_ends_early_says_so_and_goes_on(
    write: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = "".join(f"{line}\n" for line in LINES).encode()
    write("cut.txt.gz", gzip.compress(whole)[:-300])
    data = stream(f"{tmp_path}/cut.txt.gz", head=50)
    words = read(data, one_turn(loader(data)))
    assert "corrupt gzip" in (said := capsys.readouterr().err) and "it ends early, after" in said
    assert 100 < len(words) < 480


def test_a_file_without_a_sentence_is_left_out_unless_all_are(
    pattern: str, write: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("parts/empty.txt", "")
    write("parts/broken.txt", b"\x1f\x8bjunk")
    data = stream(pattern, head=600)
    words = read(data, one_turn(loader(data)))
    assert sorted(words) == sorted(training(data))
    said = capsys.readouterr().err
    assert "empty.txt: no sentence in it; it takes text, one sentence a line; left out" in said
    assert "broken.txt: corrupt gzip" in said

    for i in range(4):
        (tmp_path / f"parts/{i}.txt").unlink()
    with pytest.raises(UsageError, match=r"\*.txt: no sentence that can be read; mend what is"):
        stream(pattern).prepare()
    with pytest.raises(UsageError, match="empty.txt: no sentence in it; it takes text"):
        stream(pattern.replace("*", "empty")).prepare()


def test_a_share_without_a_sentence_waits_for_another(write: Callable[..., str]) -> None:
    texts = [write("full.txt", LINES), write("empty.txt", "")]
    data = stream(texts, head=600)
    for rank in range(2):
        words = read(data, [b for _, _, b in islice(loader(data, rank, 2).batches, 200)])
        assert set(words) == training(data)


def test_an_error_in_a_worker_is_the_one_line_that_it_is_elsewhere(
    write: Callable[..., str],
) -> None:
    path = Path(write("a.txt", LINES))
    data = stream(str(path), num_workers=1)
    data.prepare()
    path.unlink()
    with pytest.raises(UsageError) as error:
        list(loader(data))
    assert str(error.value) == f"{path}: no such file; check the path"


def test_a_bad_line_is_left_out_and_what_follows_it_is_read(
    write: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line.encode() for line in LINES]
    lines[300:300] = [b"bad \xff", b"nul \0"]
    data = stream(write("a.txt", b"\n".join(lines)), head=600)
    assert sorted(read(data, one_turn(loader(data)))) == sorted(training(data))
    said = capsys.readouterr().err
    assert "line 301: byte 5 is not UTF-8" in said and "lines left out of this file: 2" in said


def test_a_data_set_is_streamed_by_its_name(write: Callable[..., str], tmp_path: Path) -> None:
    rows = "".join(json.dumps({"id": i, "line": line}) + "\n" for i, line in enumerate(LINES))
    write("local/train.jsonl", rows)
    data = stream(f"hf:{tmp_path}/local", text_column="line", head=600)
    assert sorted(read(data, one_turn(loader(data)))) == sorted(training(data))
    with pytest.raises(UsageError, match="no column text; there are: id, line"):
        stream(f"hf:{tmp_path}/local", text_column="text").prepare()
    with pytest.raises(UsageError, match="the column id is int64, no string"):
        stream(f"hf:{tmp_path}/local", text_column="id").prepare()


def test_a_data_set_may_end_early(
    write: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # `datasets` reads 10 MiB at a time, and loses no more than that.
    parts = ["".join(json.dumps({"text": line}) + "\n" for line in LINES[i::3]) for i in range(3)]
    filling = json.dumps({"text": LINES[1] + " c" * 5000}) + "\n"
    write("local/train-0.jsonl", parts[0])
    write("local/train-1.jsonl", parts[1] + filling * 1200 + '{"te')
    write("local/train-2.jsonl.gz", gzip.compress(parts[2].encode())[:-20])
    data = stream(f"hf:{tmp_path}/local", head=600)
    kept = {line.split()[0] for line in LINES[0::3] + LINES[1::3]} & training(data)
    assert sorted(read(data, one_turn(loader(data)))) == sorted(kept)
    said = capsys.readouterr().err
    for part, end in ((2, "it ends early, after 1,"), (3, "left out")):
        assert any(
            f"local, part {part} of 3: cannot be read (" in line and end in line
            for line in said.splitlines()
        )


def test_a_bad_row_of_a_data_set_is_left_out(
    write: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [None, "x" * 1_000_001, "nul \0", *LINES]
    write("local/train.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in texts))
    data = stream(f"hf:{tmp_path}/local", head=600)
    assert sorted(read(data, one_turn(loader(data)))) == sorted(training(data))
    said = capsys.readouterr().err
    assert "local, row 2: longer than 1,000,000 bytes" in said
    assert "lines left out of this file: 2" in said


@pytest.mark.parametrize("name", ["train.jsonl.gz", "train.jsonl"])
def test_a_data_set_that_cannot_be_read_is_refused_in_one_line(
    name: str, write: Callable[..., str], tmp_path: Path
) -> None:
    rows = "".join(json.dumps({"text": line}) + "\n" for line in LINES).encode()
    write(f"local/{name}", (gzip.compress(rows) if name.endswith("gz") else rows)[:-20])
    with pytest.raises(UsageError, match="local: cannot be .*; check") as error:
        stream(f"hf:{tmp_path}/local").prepare()
    assert "\n" not in str(error.value)


def test_a_saved_data_set_is_streamed(tmp_path: Path) -> None:
    table = datasets.Dataset.from_dict({"id": range(600), "text": LINES})
    datasets.DatasetDict(train=table).save_to_disk(tmp_path / "splits")
    table.save_to_disk(tmp_path / "alone")
    for text in (f"{tmp_path}/splits", f"{tmp_path}/alone", f"hf:{tmp_path}/alone"):
        data = stream(text, head=600)
        assert sorted(read(data, one_turn(loader(data)))) == sorted(training(data))
        parts = [read(data, one_turn(loader(data, rank, 2))) for rank in range(2)]
        assert sorted(sum(parts, [])) == sorted(training(data))


def test_a_folder_that_changes_is_read_anew(write: Callable[..., str], tmp_path: Path) -> None:
    for lines in (LINES, LINES[:300] + ["new"] * 300):
        write("local/train.jsonl", "".join(json.dumps({"text": line}) + "\n" for line in lines))
        data = stream(f"hf:{tmp_path}/local", head=600)
        assert set(data.texts("train")) <= set(lines)


def test_names_that_do_not_go_together_are_refused(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hf:a/b: a data set of the hub stands alone; leave out"):
        stream(["hf:a/b", "none.txt"]).prepare()
    with pytest.raises(UsageError, match="none.txt: no such file; check the path"):
        stream([pattern, f"{tmp_path}/none.txt"]).prepare()
    with pytest.raises(UsageError, match=r"parts: a folder; name its files, such as '.*/\*.txt'"):
        stream(f"{tmp_path}/parts").prepare()


def test_what_is_too_little_is_refused(write: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sentence for valid in the first 3; raise"):
        stream(write("a.txt", ["a", "b", "c"]), held_out_share=1e-9).prepare()
    with pytest.raises(UsageError, match="no text: name a file"):
        StreamData().prepare()
    with pytest.raises(UsageError, match="none.txt: no such file"):
        stream(f"{tmp_path}/none.txt").prepare()
    for name in ("block", "head", "held_out", "batches_per_epoch"):
        with pytest.raises(ValueError, match=f"'{name}' must be at least 2, got 1"):
            StreamData("a.txt", **{name: 1})


def test_a_stream_trains(pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from textvae.cli import main

    monkeypatch.chdir(tmp_path)
    sizes = "--encoder.embedding_size 8 --encoder.hidden_size 8 --decoder.embedding_size 8 "
    sizes += "--decoder.hidden_size 8 --posterior.latent_dim 3 --trainer.max_epochs 2 --samples 2"
    options = [f"--data.{name}={value}" for name, value in SIZES.items()]
    text = ["--data", "StreamData", f"--data.text={pattern}", "--data.batches_per_epoch", "5"]
    code = main(["train", "--name", "streamed", *text, *options, *sizes.split()])
    assert code == 0 and (tmp_path / "runs/streamed/report.json").is_file()
