"""Reading text: one sentence a line, UTF-8, plain or compressed, never all of it at once."""

__all__ = [
    "BYTE_ORDER_MARK",
    "LONGEST_LINE",
    "TOO_LONG",
    "Tally",
    "accept",
    "decoded_lines",
    "digest",
    "read_stream",
]

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import UsageError
from .opening import told

LONGEST_LINE = 1_000_000
"""In bytes. What is longer is no sentence, and would fill the memory."""

LOOKALIKES = ("<pad>", "<s>", "</s>", "<unk>")
"""What control tokens are called elsewhere: in a text they are words like any other."""

TOO_LONG = f"longer than {LONGEST_LINE:,} bytes; put one sentence on each line or in each cell"

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BREAKS = re.compile(r"\s*[\r\n]+\s*")


@dataclass
class Tally:
    """What a reader accepted, counted.

    Arguments:
        sentences: Lines with something in them.
        empty: Lines with nothing but whitespace, left out.
        trimmed: Sentences with whitespace at an end, which is not theirs.
        crlf: Lines that end as Windows ends them.
        marks: Byte-order marks, left out.
        joined: Sentences with line breaks inside, as a cell of a table may have; now spaces.
        lookalikes: How many sentences hold each of :data:`LOOKALIKES`.
        refusals: Where to note what is refused, which is left out then; None ends at the first.
    """

    sentences: int = 0
    empty: int = 0
    trimmed: int = 0
    crlf: int = 0
    marks: int = 0
    joined: int = 0
    lookalikes: Counter[str] = field(default_factory=Counter)
    refusals: list[str] | None = None

    def refuse(self, message: str) -> None:
        """Notes that a line is refused.

        Raises:
            UsageError: Unless that is to be noted only.
        """
        if self.refusals is None:
            raise UsageError(message)
        self.refusals.append(message)

    def notes(self, name: str, unk_token: str | None = None) -> list[str]:
        """One line for everything that a user may want to know.

        Arguments:
            name: What was read.
            unk_token: The word that stands for unknown ones, which needs no note.
        """
        counts = {
            "empty lines left out": self.empty,
            "sentences with whitespace at an end, trimmed": self.trimmed,
            "lines with Windows line ends (CRLF)": self.crlf,
            "byte-order marks left out": self.marks,
            "sentences with line breaks inside, now spaces": self.joined,
        }
        for word in LOOKALIKES:
            if word != unk_token:
                counts[f"sentences with a literal {word}, an ordinary word here"] = (
                    self.lookalikes[word]
                )
        return [f"{name}: {count:,} {what}" for what, count in counts.items() if count]


def digest(path: Path) -> str:
    """A fingerprint of the content of a file.

    Raises:
        UsageError: If it cannot be read, or not a second time.
    """
    if path.is_fifo():
        raise UsageError(f"{path}: a pipe, which can be read only once; save it in a file first")
    with told(path), path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def read_stream(stream: BinaryIO, name: str, tally: Tally) -> Iterator[str]:
    """The sentences of a stream of bytes, such as standard input, in order.

    Arguments:
        stream: The bytes.
        name: What to call it in an error.
        tally: Where to count.

    Raises:
        UsageError: If it has no sentence, or is not the text that it should be.
    """
    before = tally.sentences
    for _, line in decoded_lines(stream, name, tally):
        sentence = accept(line, tally, name)
        if sentence is not None:
            yield sentence
    if tally.sentences == before and not tally.refusals:
        raise UsageError(f"{name}: no sentence in it; it takes text, one sentence a line")


def decoded_lines(stream: BinaryIO, name: str, tally: Tally) -> Iterator[tuple[int, str]]:
    """The lines of a stream of bytes, each with its number from 1 and without what ends it; only
    line feeds do. What is refused and only noted leaves a gap in the numbers.

    Raises:
        UsageError: If a line is no text in UTF-8, or none at all.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 2):
        number += 1
        if number == 1 and line.startswith(BYTE_ORDER_MARK):
            line = line.removeprefix(BYTE_ORDER_MARK)
            tally.marks += 1
        text = _decode(line, f"{name}, line {number}", tally)
        while not line.endswith(b"\n") and len(line) > LONGEST_LINE:  # the rest of one refused
            line = stream.readline(LONGEST_LINE + 2)
        if text is None:
            continue
        body = text.removesuffix("\n")
        if body.endswith("\r"):
            body = body.removesuffix("\r")
            tally.crlf += 1
        yield number, body


def accept(text: str, tally: Tally, where: str) -> str | None:
    """The sentence in a line or a cell, counted; None where there is nothing but whitespace.

    Arguments:
        text: What is there.
        tally: Where to count.
        where: Where it stands, for a refusal, which gives None too.

    Raises:
        UsageError: If it is refused, unless that is to be noted only.
    """
    sentence = text.strip()
    if not sentence:
        tally.empty += 1
        return None
    if "\0" in sentence:
        tally.refuse(f"{where}: a NUL character, which no text has; take it out")
        return None
    # A character has four bytes at most: few sentences need be encoded to be measured.
    if 4 * len(sentence) > LONGEST_LINE and len(sentence.encode("utf-8")) > LONGEST_LINE:
        tally.refuse(f"{where}: {TOO_LONG}")
        return None
    tally.sentences += 1
    tally.trimmed += sentence != text
    if "\n" in sentence or "\r" in sentence:
        sentence = BREAKS.sub(" ", sentence)
        tally.joined += 1
    if "<" in sentence:
        tally.lookalikes.update(word for word in LOOKALIKES if word in sentence)
    return sentence


def _decode(line: bytes, where: str, tally: Tally) -> str | None:
    """The text of a line, or None where it is refused and that is noted."""
    if b"\0" in line:
        tally.refuse(
            f"{where}: a NUL byte, so this is UTF-16 or no text at all; "
            "give a text file in UTF-8 (iconv -f UTF-16 -t UTF-8 converts)"
        )
    elif len(line.rstrip(b"\r\n")) > LONGEST_LINE:
        tally.refuse(f"{where}: {TOO_LONG}")
    else:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            tally.refuse(
                f"{where}: byte {error.start + 1} is not UTF-8; convert the file "
                "(iconv -f LATIN1 -t UTF-8, say), or give a text file if this is none"
            )
    return None
