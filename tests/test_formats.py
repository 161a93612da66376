"""Every common format of a corpus: what is read, where the columns are, and what is refused."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest

from textvae.data.opening import find_files
from textvae.data.places import find_source
from textvae.data.reader import TOO_LONG, Tally, digest
from textvae.data.tables import Columns, read_rows
from textvae.errors import UsageError
from textvae.wiring.request import parse

from .corpora import LINES, everything, words

pytestmark = pytest.mark.usefixtures("cache")

ROWS = [("a good, one", "5"), ('so "so"', "3"), ("bad one", "1"), ("fine\tthen", "5")]
NAMED = Columns("review", "stars")


def as_csv(rows: list[tuple[str, str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([("id", "review", "stars"), *((i, *r) for i, r in enumerate(rows))])
    return file.getvalue()


def as_json(rows: list[tuple[str, str]]) -> str:
    return "".join(json.dumps({"review": t, "stars": int(s)}) + "\n" for t, s in rows)


def rows_of(path: str, columns: Columns = NAMED, **options: object) -> list[tuple[str, str]]:
    return list(read_rows(Path(path), columns, Tally(**options)))


def test_tables_read_alike(write: Callable[..., str], tmp_path: Path) -> None:
    table = pa.table({"stars": [int(s) for _, s in ROWS], "review": [t for t, _ in ROWS]})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    plain = [row for row in ROWS if "\t" not in row[0]]
    tsv = "id\treview\tstars\n" + "".join(f"0\t{t}\t{s}\n" for t, s in plain)

    assert rows_of(write("a.csv", as_csv(ROWS))) == ROWS
    for name in ("a.jsonl", "a.ndjson", "a.json"):
        assert rows_of(write(name, as_json(ROWS))) == ROWS
    assert rows_of(str(tmp_path / "a.parquet")) == ROWS
    assert rows_of(write("a.tsv", tsv)) == plain
    assert rows_of(write("a.tsv", tsv), Columns("review")) == [(t, None) for t, _ in plain]


PACKED = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("suffix", PACKED)
def test_every_compression_is_read_by_name_and_by_content(
    suffix: str, write: Callable[..., str]
) -> None:
    content = as_csv(ROWS * 100).encode()
    packed = PACKED[suffix](content)
    for name in (f"a.csv{suffix}", "b.csv", f"C.CSV{suffix.upper()}"):
        assert rows_of(write(name, packed)) == ROWS * 100
    with pytest.raises(UsageError, match=r"corrupt \w+ \(.*\); compress it again"):
        rows_of(write(f"short.csv{suffix}", packed[: len(packed) // 2]))
    with pytest.raises(UsageError, match=r"corrupt \w+ \(.*\); compress it again"):
        rows_of(write(f"none.csv{suffix}", content))


@pytest.mark.parametrize("suffix", PACKED)
def test_parquet_is_compressed_inside_alone(suffix: str, write: Callable[..., str]) -> None:
    path = write(f"a.parquet{suffix}", PACKED[suffix](b"PAR1"))
    with pytest.raises(
        UsageError, match=f"a.parquet{suffix}: Parquet is compressed inside; unpack"
    ):
        rows_of(path)


def test_columns_go_by_number_where_there_is_no_header(write: Callable[..., str]) -> None:
    path = write("a.txt", ["1\tgood one", "0\tbad one", "", "1\tfine"])
    assert rows_of(path, Columns("2", "1")) == [("good one", "1"), ("bad one", "0"), ("fine", "1")]
    assert rows_of(path, Columns()) == [
        (line, None) for line in ("1\tgood one", "0\tbad one", "1\tfine")
    ]


def test_the_column_of_text_is_found_where_there_is_no_choice(write: Callable[..., str]) -> None:
    assert rows_of(write("a.csv", "line\nx\n"), Columns()) == [("x", None)]
    assert rows_of(write("b.csv", "id,text\n1,x\n"), Columns()) == [("x", None)]
    assert rows_of(write("c.tsv", "stars\tline\n1\tx\n"), Columns(label="stars")) == [("x", "1")]
    with pytest.raises(UsageError, match="name the column of sentences .*: id, line"):
        rows_of(write("d.csv", "id,line\n1,x\n"), Columns())


def test_a_csv_file_that_commas_do_not_separate_is_not_one_column(
    write: Callable[..., str],
) -> None:
    for header in ("text;stars", "text\tstars"):
        with pytest.raises(UsageError, match="a.csv: one column, .*; save it with commas"):
            rows_of(write("a.csv", f"{header}\nx\n"), Columns())
    assert rows_of(write("b.csv", "text\nx; y\n"), Columns()) == [("x; y", None)]
    assert rows_of(write("c.csv", "x; y\n"), Columns("1")) == [("x; y", None)]


def test_breaks_in_a_cell_become_spaces_and_are_counted(write: Callable[..., str]) -> None:
    tally = Tally()
    path = Path(write("a.csv", 'text\n"one\r\n two"\n""\nthree\n'))
    assert [text for text, _ in read_rows(path, Columns(), tally)] == ["one two", "three"]
    assert tally.notes("a") == [
        "a: 1 empty lines left out",
        "a: 1 lines with Windows line ends (CRLF)",
        "a: 1 sentences with line breaks inside, now spaces",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,text,stars\n1,x,2\n", "a.csv: no column review; there are: id, text, stars"),
        ("a.tsv", "review\tstar\nx\t1\n", "a.tsv: no column stars; there are: review, star"),
        ("a.jsonl", '{"review": "x"}\n', "line 1: no column stars; there are: review"),
        ("a.csv", "review,stars\nx,1\ny\n", "line 3: 1 columns, where there should be 2"),
        ("a.csv", "review,stars\nx,1\ny,\n", "line 3: no label; fill it in, or leave out the row"),
        ("a.csv", 'review,stars\n"x,1\n', "no valid CSV .*; check the quotes"),
        ("a.jsonl", '{"review": "x", "stars": 1}\n{"rev', "line 2: no valid JSON"),
        (
            "a.jsonl",
            as_json(ROWS) + '{"text": "x"}\n',
            "line 5: no column review; there are: text",
        ),
        (
            "a.jsonl",
            r'{"review": "\ud83d", "stars": 1}' + "\n",
            "line 1: no valid JSON .*surrogates",
        ),
        ("a.jsonl", as_json(ROWS) + "[" * 100_000 + "\n", "line 5: no valid JSON"),
        ("a.csv", "review,stars\nx, \n", "line 2: no label; fill it in, or leave out the row"),
        ("a.jsonl", as_json(ROWS) + "[1]\n", "line 5: no object of JSON; each line is one"),
        (
            "a.json",
            '[{"review": "x", "stars": 1}]',
            "a.json: an array of JSON; put each object on",
        ),
        ("a.json", '\ufeff\n[\n  {"review": "x"}\n]', r"an array of JSON; .*jq -c '\.\[\]' does"),
        ("a.jsonl", "[" + as_json(ROWS * 30_000), "a.jsonl: an array of JSON"),
        ("a.csv", "review;stars\nx;1\n", "a.csv: one column, 'review;stars', as commas separate"),
        ("a.csv", "review\tstars\nx\t1\n", "if tabs separate it name it .tsv"),
        ("a.jsonl", '{"review": 3, "stars": 1}\n', "line 1: the text is 3, no string"),
        ("a.csv", "review,stars\n", "a.csv: no sentence in it; check the column of the text"),
        ("a.csv", "review,stars\nx,\udcff\n", "line 2: byte 3 is not UTF-8"),
        ("a.parquet", "no table", "a.parquet: no Parquet, or cut off"),
    ],
)
def test_what_is_refused_is_named(
    name: str, content: str, message: str, write: Callable[..., str]
) -> None:
    path = write(name, content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message) as error:
        rows_of(path)
    assert "\n" not in str(error.value) and path in str(error.value)


def test_a_cell_is_no_longer_than_a_line_and_has_no_nul(
    write: Callable[..., str], tmp_path: Path
) -> None:
    texts = ["x" * 150_000, "é" * 500_000, "é" * 500_001, "x" * 15_000_000, "nul \0", "last"]
    kept = [texts[0], texts[1], "last"]
    table = pa.table({"text": texts})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    datasets.Dataset(table).save_to_disk(tmp_path / "saved")
    data = find_source([str(tmp_path / "saved")], (0.1, 0.1))
    for read in (
        lambda tally: read_rows(tmp_path / "a.parquet", Columns(), tally),
        lambda tally: data.rows(tally)["train"],
    ):
        tally = Tally(refusals=[])
        assert [text for text, _ in read(tally)] == kept
        assert [line[line.rindex("row") :] for line in tally.refusals] == [
            f"row 3: {TOO_LONG}",
            f"row 4: {TOO_LONG}",
            "row 5: a NUL character, which no text has; take it out",
        ]
    nul = write("a.jsonl", json.dumps({"text": "a\0b"}) + "\n")
    with pytest.raises(UsageError, match="a.jsonl, line 1: a NUL character, .*; take it out"):
        rows_of(nul, Columns())
    assert rows_of(write("a.csv", f"text\n{texts[0]}\n"), Columns()) == [(texts[0], None)]
    with pytest.raises(UsageError, match="no valid CSV .field larger than field limit"):
        rows_of(write("b.csv", 'text\n"' + ("x" * 400_000 + "\n") * 3 + '"\n'), Columns())


def test_labels_that_are_floats_read_as_the_integers_that_they_were(
    write: Callable[..., str], tmp_path: Path
) -> None:
    labels = [1.0, 2.5, None, float("nan"), -0.0]
    table = pa.table({"review": list("abcde"), "stars": labels})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    content = "".join(
        json.dumps({"review": text, "stars": label}) + "\n"
        for text, label in zip("abcde", labels, strict=True)
    )
    for path in (str(tmp_path / "a.parquet"), write("a.jsonl", content)):
        refused: list[str] = []
        assert rows_of(path, refusals=refused) == [("a", "1"), ("b", "2.5"), ("e", "0")]
        assert [line.rpartition(": ")[2] for line in refused] == [
            "no label; fill it in, or leave out the row"
        ] * 2


def test_labels_need_columns(write: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match="labels need columns; name that of the text too"):
        rows_of(write("a.txt", ["x"]), Columns(label="1"))


def test_refusals_are_noted_where_that_is_asked(write: Callable[..., str]) -> None:
    content = as_csv(ROWS).encode() + b"1,\xff,2\n1,2\n1,," + b"x" * 1_500_000 + b"\n1,last,4\n"
    refused: list[str] = []
    assert rows_of(write("a.csv", content), refusals=refused) == [*ROWS, ("last", "4")]
    assert [line.partition(": ")[2].split(";")[0] for line in refused] == [
        "byte 3 is not UTF-8",
        "2 columns, where there should be 3",
        "longer than 1,000,000 bytes",
    ]


# From names to splits


def test_several_files_and_patterns_are_one_corpus(
    write: Callable[..., str], tmp_path: Path
) -> None:
    write("parts/a.txt", LINES[:100])
    write("parts/b.txt.gz", gzip.compress("\n".join(LINES[100:300]).encode()))
    write("parts/c.jsonl", "".join(json.dumps({"text": line}) + "\n" for line in LINES[300:]))
    whole = everything(words(write("all.txt", LINES)))
    names = [str(tmp_path / "parts" / name) for name in ("a.txt", "b.txt.gz", "c.jsonl")]

    for text in (names, f"{tmp_path}/parts/*", [f"{tmp_path}/parts/[ab].*", names[2]]):
        assert everything(words(text)) == whole
    assert [path.name for path in find_files([f"{tmp_path}/parts/*"])] == [
        "a.txt",
        "b.txt.gz",
        "c.jsonl",
    ]
    assert find_files([names[0], f"{tmp_path}/parts/*"]) == find_files([f"{tmp_path}/parts/*"])
    for texts, message in (
        ([f"{tmp_path}/*.none"], "no file has such a name; check the pattern"),
        ([names[0], f"{tmp_path}/*.none"], r"\*.none: no file has such a name"),
        ([names[0], str(tmp_path / "parts")], "parts: a folder among files; give it alone"),
        ([names[0], "hf:a/b"], "hf:a/b: a data set of the hub stands alone"),
    ):
        with pytest.raises(UsageError, match=message):
            find_source(texts, (0.1, 0.1))


def test_a_folder_may_hold_tables(write: Callable[..., str], tmp_path: Path) -> None:
    for split, lines in {"train": LINES, "validation": LINES[:3], "test": LINES[3:5]}.items():
        write(f"mine/{split}.json", as_json([(line, "1") for line in lines]))
    data = words(str(tmp_path / "mine"), text_column="review", label_column="stars")
    assert everything(data) == {"train": LINES, "valid": LINES[:3], "test": LINES[3:5]}
    assert list(data.labels("test")) == ["1", "1"]
    assert words(str(tmp_path / "mine"), text_column="review").labels("test") is None


def test_labels_stay_with_their_sentences(write: Callable[..., str]) -> None:
    path = write("a.tsv", ["text\tkind", *(f"{line}\t{line.split()[2]}" for line in LINES)])
    data = words(path, label_column="kind")
    for split in ("train", "valid", "test"):
        pairs = zip(data.texts(split), data.labels(split), strict=True)
        assert all(text.split()[2] == label for text, label in pairs)


# From a command line


def test_a_command_line_names_several_texts(write: Callable[..., str], tmp_path: Path) -> None:
    a, b = write("a.txt", LINES[:9]), write("b.txt", LINES[9:])
    request = parse(["--text", a, b, "--data.seed", "3"])
    assert request.config.data.init_args.text == [a, b] and request.run.folder.name == "a"
    pattern = f"{tmp_path}/*.txt"
    request = parse(["--text", pattern])
    assert request.config.data.init_args.text == pattern
    assert request.run.folder.name == tmp_path.name
    request = parse(["--text", pattern, "--data", "stream", "--data.block", "9"])
    assert request.config.data.class_path.endswith(".StreamData")
    found = request.config.data.init_args
    assert (found.text, found.block) == (pattern, 9)
    request = parse(["--text", "hf:owner/name:sub"])
    assert request.config.data.init_args.text == "hf:owner/name:sub"
    assert request.run.folder.name == "name"


def test_a_pattern_is_settled_whatever_the_folder_is_called(
    write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a[1]/my.txt", LINES)
    monkeypatch.chdir(tmp_path / "a[1]")
    for text in ("*.txt", "my.txt"):
        found = parse(["--text", text]).config.data.init_args.text
        assert Path(found).is_absolute()
        assert find_files([found]) == [tmp_path / "a[1]" / "my.txt"]


def test_standard_input_is_kept_so_that_the_run_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    stream = io.TextIOWrapper(io.BytesIO("\n".join(LINES).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    request = parse(["--text", "-"])
    text = request.config.data.init_args.text
    assert Path(text).is_relative_to(cache) and request.run.folder.name == "stdin"
    assert sorted(sum(everything(words(text)).values(), [])) == sorted(LINES)
    assert parse(["--text", "-"]).config.data.init_args.text == text
    assert digest(Path(text)).startswith(Path(text).stem)


# textvae data


@pytest.fixture
def report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str]]:
    from textvae.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["data", *arguments])
        found = capsys.readouterr()
        return code, found.out + found.err

    return run


def test_a_report_counts_what_a_text_holds(
    report: Callable[..., tuple[int, str]], write: Callable[..., str]
) -> None:
    lines = ["a b", "a b", "c", "привет мир d e", *(f"x{i} y z" for i in range(6))]
    write("a.csv", "line,kind\n" + "".join(f"{line},{len(line) % 2}\n" for line in lines))
    code, out = report("a.csv", "--text-column", "line", "--label-column", "kind", "--json")
    found = json.loads(out)
    text = found["text"]["train"]

    assert code == 0 and found["refused"] == []
    assert (text["sentences"], text["duplicates"], text["units"]) == (10, 1, 27)
    assert (text["vocabulary"], text["occurring_once"]) == (15, 11)
    lengths = {"mean": 2.7, "median": 3.0, "95 %": 3.55, "longest": 4}
    assert text["length"] == pytest.approx(lengths)
    assert text["scripts"] == {"Latin": 25 / 34, "Cyrillic": 9 / 34}
    assert text["labels"] == {"0": 7, "1": 3}
    assert sum(bar["count"] for bar in text["histogram"]) == 10
    assert sum(split["sentences"] for split in found["splits"].values()) == 10
    train = set(" ".join(e["sentence"] for e in found["examples"]).split())
    assert found["splits"]["train"]["unknown"] == 0 and train
    code, out = report("a.csv", "--text-column", "line")
    assert code == 0 and "10 sentences, 1 of which repeat" in out and "unknown words" in out


def test_characters_are_the_units_of_text_without_spaces(
    report: Callable[..., tuple[int, str]], write: Callable[..., str]
) -> None:
    for split, verses in {"train": "春眠不覺曉", "valid": "春風", "test": "春眠"}.items():
        write(f"poems/{split}.txt", [verses[i:] + verses[:i] for i in range(len(verses))] * 2)
    code, out = report("poems", "--json")
    found = json.loads(out)
    shares = {split: facts["unknown"] for split, facts in found["splits"].items()}
    assert code == 0 and shares == {"train": 0, "valid": 1 / 2, "test": 0}
    assert found["text"]["test"]["unit"] == "characters"
    assert found["text"]["train"]["scripts"] == {"Han": 1.0}


def test_a_report_names_what_would_be_refused(
    report: Callable[..., tuple[int, str]], write: Callable[..., str]
) -> None:
    write("a.txt", b"fine\nbad \xff\n" + b"good\n" * 9)
    code, out = report("a.txt")
    assert code == 0 and "Refused: 1 lines" in out and "a.txt, line 2: byte 5 is not UTF-8" in out
    assert report("none.txt")[0] == 2


@pytest.mark.parametrize(
    ("name", "row"), [("a.csv", "fine,1"), ("a.tsv", "fine\t1"), ("a.jsonl", '{"text": "fine"}')]
)
def test_a_refused_line_leaves_the_numbers_of_the_others(
    report: Callable[..., tuple[int, str]], write: Callable[..., str], name: str, row: str
) -> None:
    first = row if name == "a.jsonl" else row.replace("fine", "text").replace("1", "stars")
    lines = [first.encode(), row.encode(), b"bad \xff", *[row.encode()] * 9, b"{}\textra,extra,\t"]
    write(name, b"\n".join(lines) + b"\n")
    code, out = report(name)
    assert code == 0 and f"{name}, line 3: byte 5 is not UTF-8" in out
    assert f"{name}, line 13: " in out and "Refused: 2 lines" in out
