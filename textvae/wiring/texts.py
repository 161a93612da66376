"""What a command line calls the text, turned into what means the same from any folder."""

__all__ = ["settle_models", "settle_text"]

import glob
import hashlib
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import BinaryIO

import datasets
from jsonargparse import Namespace

from ..data.published import PREFIX
from ..errors import UsageError


def settle_text(config: Namespace) -> str | None:
    """Makes the paths of the text absolute, and keeps what comes on standard input.

    Returns:
        What to call a run on this text; None where no text is named.
    """
    arguments = config.data.get("init_args")
    text = arguments.get("text") if arguments else None
    if not text:
        return None
    texts = [text] if isinstance(text, str) else text
    settled = [_settled(one) for one in texts]
    arguments["text"] = settled[0] if isinstance(text, str) else settled
    return "stdin" if texts[0] == "-" else _stem(settled[0])


def settle_models(config: Namespace) -> None:
    """Makes the paths of pretrained models and tokenizers absolute, where they are folders."""
    data = config.data.get("init_args") or {}
    named = [(config.get(side), "pretrained") for side in ("encoder", "decoder")]
    named += [(data.get(kind), "name") for kind in ("tokenizer", "encoder_tokenizer")]
    for part, option in named:
        arguments = part.get("init_args") if part else None
        name = arguments.get(option) if arguments else None
        if isinstance(name, str) and Path(name).expanduser().is_dir():
            arguments[option] = str(Path(name).expanduser().absolute())


def _settled(text: str) -> str:
    if text == "-":
        return str(_spool(sys.stdin.buffer))
    if text.startswith(PREFIX):
        place, _, subset = text.removeprefix(PREFIX).partition(":")
        folder = Path(place).expanduser()
        known = str(folder.absolute()) if folder.is_dir() else place
        return PREFIX + known + f":{subset}" * bool(subset)
    path = Path(text).expanduser()
    if glob.has_magic(text) and not path.exists():  # what the working directory is called is none
        return str(Path(glob.escape(str(Path.cwd()))) / path)
    return str(path.absolute())


def _stem(text: str) -> str:
    """The plainest part of a path or name, without suffixes and patterns."""
    parts = text.removeprefix(PREFIX).partition(":")[0].split("/")
    plain = [part.split(".")[0] for part in parts if not re.search(r"[*?\[]", part)]
    return next((part for part in reversed(plain) if part), "text")


@cache
def _spool(stream: BinaryIO) -> Path:
    """A file in the cache with all that a stream holds, so that the run can be repeated.

    A stream can be read only once, but asked for more often: by each method of a comparison.

    Raises:
        UsageError: If it cannot be written.
    """
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "textvae" / "stdin"
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w+b") as file:
            shutil.copyfileobj(stream, file)
            file.seek(0)
            name = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
        os.replace(temporary, path := folder / f"{name}.txt")
        return path
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise UsageError(
            f"{folder}: cannot keep standard input ({error.strerror or error}); free some space, "
            "or set HF_HOME to a folder that you may write to"
        ) from error
