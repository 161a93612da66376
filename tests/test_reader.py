"""Reading text: what is accepted is counted, what is refused is named."""

import gzip
import io
import os
import tracemalloc
from pathlib import Path

import pytest

from textvae.data.reader import LONGEST_LINE, Tally, digest, read_stream
from textvae.data.tables import Columns, read_rows
from textvae.errors import UsageError


def read(content: bytes, path: Path) -> tuple[list[str], Tally]:
    path.write_bytes(content)
    tally = Tally()
    return read_file(path, tally), tally


def read_file(path: Path, tally: Tally) -> list[str]:
    return [sentence for sentence, _ in read_rows(path, Columns(), tally)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my.txt"


def test_plain_and_gzip_read_alike(tmp_path: Path) -> None:
    content = "one\ntwo 😀\n\nthree".encode()
    plain, _ = read(content, tmp_path / "plain.txt")
    named, _ = read(gzip.compress(content), tmp_path / "named.txt.gz")
    unnamed, _ = read(gzip.compress(content), tmp_path / "unnamed.txt")
    assert plain == named == unnamed == ["one", "two 😀", "three"]


def test_streams_read_as_files_do() -> None:
    tally = Tally()
    assert list(read_stream(io.BytesIO(b"a b\nc\n"), "standard input", tally)) == ["a b", "c"]
    assert tally.sentences == 2


@pytest.mark.parametrize(
    ("content", "sentences", "note"),
    [
        (b"a\n\n \t\nb\n", ["a", "b"], "2 empty lines left out"),
        (b"a\r\nb\r\n", ["a", "b"], "2 lines with Windows line ends"),
        (b"\xef\xbb\xbfa\nb\n", ["a", "b"], "1 byte-order marks left out"),
        (b" a \nb\n", ["a", "b"], "1 sentences with whitespace at an end, trimmed"),
        (b"a </s>\nb\n", ["a </s>", "b"], "1 sentences with a literal </s>, an ordinary word"),
        (b"<unk> a\n<unk>\n", ["<unk> a", "<unk>"], "2 sentences with a literal <unk>"),
    ],
)
def test_what_is_accepted_is_counted(
    content: bytes, sentences: list[str], note: str, path: Path
) -> None:
    found, tally = read(content, path)
    (line,) = tally.notes("my.txt")
    assert found == sentences
    assert line.startswith("my.txt: ") and note in line


def test_ordinary_text_needs_no_note(path: Path) -> None:
    sentences, tally = read(b"a < b\nc > d\n", path)
    assert sentences == ["a < b", "c > d"] and tally.notes("my.txt") == []


def test_the_unknown_word_of_a_text_needs_no_note(path: Path) -> None:
    _, tally = read(b"a <unk>\n", path)
    assert tally.notes("my.txt", unk_token="<unk>") == []


def test_only_line_feeds_end_lines(path: Path) -> None:
    text = "a\u2028b\x0bc\x0cd\x85e\x1cf"
    assert read(text.encode(), path)[0] == [text]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "my.txt: no sentence in it; it takes text, one sentence a line"),
        (b"\xef\xbb\xbf", "no sentence in it"),
        (b"\n \n\t\r\n", "no sentence in it"),
        (b"fine\nbad \xff\n", "my.txt, line 2: byte 5 is not UTF-8; convert the file"),
        (b"fine\nb\0d\n", "my.txt, line 2: a NUL byte"),
        ("two\nlines".encode("utf-16"), "line 1: a NUL byte, so this is UTF-16 or no text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 1: byte 1 is not UTF-8; .* if this is none"),
        (b"\x7fELF\x02\x01\x01\0\0", "line 1: a NUL byte"),
        (b"fine\n" + b"x" * 10_000_000, "my.txt, line 2: longer than 1,000,000 bytes; put one"),
        (gzip.compress(b"a\nb\n" * 1000)[:-10], "my.txt: corrupt gzip .*; compress it again"),
        (b"\x1f\x8b" + b"junk" * 10, "my.txt: corrupt gzip"),
    ],
)
def test_what_is_refused_is_named(content: bytes, message: str, path: Path) -> None:
    with pytest.raises(UsageError, match=message) as error:
        read(content, path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_gzip_by_name_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="corrupt gzip .*Not a gzipped file"):
        read(b"plain\n", tmp_path / "my.txt.gz")


def test_a_damaged_byte_inside_gzip_is_refused(path: Path) -> None:
    content = bytearray(gzip.compress(bytes(range(32, 127)) * 50))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(UsageError, match="corrupt gzip"):
        read(bytes(content), path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for reader in (digest, lambda path: read_file(path, Tally())):
        with pytest.raises(UsageError, match="none.txt: no such file; check the path"):
            reader(tmp_path / "none.txt")
        with pytest.raises(UsageError, match="a folder; give a text file"):
            reader(tmp_path)
        with pytest.raises(UsageError, match="cannot be read"):
            (tmp_path / "file").touch()
            reader(tmp_path / "file" / "below.txt")


def test_a_pipe_has_no_fingerprint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="a pipe, which can be read only once; save it in a file"):
        digest(tmp_path / "pipe")


def test_the_longest_line_is_accepted(path: Path) -> None:
    sentences, _ = read(b"x" * LONGEST_LINE + b"\r\ny\n", path)
    assert [len(sentence) for sentence in sentences] == [LONGEST_LINE, 1]


def test_a_huge_line_is_refused_before_it_is_in_memory(path: Path) -> None:
    path.write_bytes(gzip.compress(b"x" * 50_000_000))
    tracemalloc.start()
    with pytest.raises(UsageError, match="longer than"):
        read_file(path, Tally())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_fingerprints_follow_the_content(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"same")
    b.write_bytes(b"same")
    assert digest(a) == digest(b)
    b.write_bytes(b"other")
    assert digest(a) != digest(b)


def test_a_huge_line_is_one_refusal_and_the_next_is_read(path: Path) -> None:
    path.write_bytes(b"x" * 3_500_000 + b"\ny\n")
    tally = Tally(refusals=[])
    assert read_file(path, tally) == ["y"]
    (refused,) = tally.refusals
    assert "line 1: longer than 1,000,000 bytes" in refused


def test_a_file_of_refused_lines_alone_says_why(path: Path) -> None:
    path.write_bytes("one\ntwo\n".encode("utf-16"))
    tally = Tally(refusals=[])
    assert read_file(path, tally) == [] and "UTF-16" in tally.refusals[0]
