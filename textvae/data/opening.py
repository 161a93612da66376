"""Finding and opening files: plain or compressed, with errors that say what the user can do."""

__all__ = ["SUFFIXES", "find_files", "opened", "stem_of", "told"]

import bz2
import glob
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from ..errors import UsageError

SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
"""What the end of a compressed file's name says."""

MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "zstd": b"\x28\xb5\x2f\xfd"}
"""What such a file begins with, whatever its name."""


def find_files(texts: Sequence[str]) -> list[Path]:
    """The files that names and patterns mean, each once, those of a pattern by their names.

    Raises:
        UsageError: If a pattern matches nothing, or a folder stands among several names.
    """
    files = []
    for text in texts:
        path = Path(text).expanduser()
        if path.is_dir() and len(texts) > 1:
            raise UsageError(f"{text}: a folder among files; give it alone, or {text}/*.txt")
        if path.exists() or not glob.has_magic(text):
            files.append(path)
            continue
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        if not (matches := [match for match in matches if match.is_file()]):
            raise UsageError(f"{text}: no file has such a name; check the pattern")
        files += matches
    return list({os.path.realpath(path): path for path in files}.values())


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading bytes, decompressed where its name or its beginning says so.

    Raises:
        UsageError: If it cannot be read, or is not what its name says; also while it is read.
    """
    with told(path), path.open("rb") as file:
        with _decompressed(file, _kind(path, file.peek(6)[:6])) as stream:
            yield stream


def _kind(path: Path, start: bytes) -> str:
    """How a file is compressed, by its name or else by what it begins with; "" if it is not."""
    begun = (kind for kind, magic in MAGIC.items() if start.startswith(magic))
    return SUFFIXES.get(path.suffix.lower()) or next(begun, "")


def _decompressed(file: BinaryIO, kind: str) -> IO[bytes]:
    if kind == "zstd":
        # Here, because it costs more than all else and few files need it.
        import pyarrow as pa

        return io.BufferedReader(pa.input_stream(file, compression="zstd"))
    openers = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    return openers[kind](file) if kind else file


def stem_of(path: Path) -> Path:
    """The path without the suffix that says how it is compressed."""
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what can go wrong with a file into what the user can do about it."""
    try:
        yield
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: a folder; give a text file, one sentence a line") from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise corrupt(path, error) from error
    except OSError as error:
        if error.errno is None:  # of a decompressor, not of the system
            raise corrupt(path, error) from error
        raise UsageError(
            f"{path}: cannot be read ({error.strerror or error}); check the file"
        ) from error


def corrupt(path: Path, error: Exception) -> UsageError:
    """What to say of a compressed file that cannot be decompressed, or not to its end."""
    with path.open("rb") as file:
        kind = _kind(path, file.read(6))
    return UsageError(f"{path}: corrupt {kind} ({error}); compress it again")
