"""A run on disk: one folder that holds all that a training run leaves behind.

Files appear whole or not at all: they are written under a temporary name, flushed to the disk and
then renamed.
"""

__all__ = [
    "RUNS",
    "Run",
    "find_model",
    "held",
    "read_report",
    "replacing",
    "unwritable",
    "write_json",
    "write_text",
]

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

from .errors import UsageError

RUNS = Path("runs")
"""Where runs live unless their name is a path, relative to the working directory."""

SHIPPED = Path(__file__).parent / "models"
"""Models that come with the package, each a folder by its name."""

MENDS = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EACCES: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}


def unwritable(path: str | os.PathLike[str], error: OSError) -> UsageError:
    """What to tell the user when `path` cannot be written."""
    mend = MENDS.get(error.errno or 0, "choose another place")
    return UsageError(f"cannot write {os.fspath(path)} ({error.strerror or error}); {mend}")


@contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Opens a file that takes the place of `path` when the block ends without an error.

    Raises:
        UsageError: If it cannot be written; nothing of it is left then.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        encoding = None if "b" in mode else "utf-8"
        with os.fdopen(handle, mode, encoding=encoding, newline="" if encoding else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())  # mkstemp makes it private
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def umask() -> int:
    """The permissions that new files of this process lack."""
    os.umask(mask := os.umask(0))
    return mask


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with replacing(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Writes plain data as JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps other processes from writing into a folder until the block ends.

    Raises:
        UsageError: If one is writing into it already, or it cannot be written.
    """
    from filelock import FileLock, Timeout  # here, since few commands write

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"{folder} is in use by another process; wait for it to end, or take another folder"
        ) from error
    except OSError as error:  # Timeout is one too
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        with suppress(OSError):  # of an open file, where the system does not
            os.unlink(lock.lock_file)  # while it is held: nobody else can be in between
        lock.release()


@dataclass(frozen=True)
class Run:
    """The folder of one training run.

    Arguments:
        folder: ``runs/<name>``.
    """

    folder: Path

    @classmethod
    def named(cls, name: str) -> "Run":
        """The run of that name under ``runs/``, or at that path, whether it exists or not."""
        path = Path(name)
        return cls(path if len(path.parts) > 1 or path.is_absolute() else RUNS / path)

    @classmethod
    def unused(cls, stem: str) -> "Run":
        """The first of ``runs/stem``, ``runs/stem-2``, ``runs/stem-3`` ... that does not exist."""
        run, number = cls.named(stem), 1
        while run.folder.exists():
            number += 1
            run = cls.named(f"{stem}-{number}")
        return run

    @classmethod
    def existing(cls, name: str) -> "Run":
        """The run of that name under ``runs/``, or at that path.

        Raises:
            UsageError: If there is none, or if the folder is not one of ours.
        """
        for run in (cls(Path(name)), cls.named(name)):
            if run.config.is_file():
                return run
        if Path(name).exists() or cls.named(name).folder.exists():
            raise UsageError(f"{name} is not a run folder: it has no config.yaml")
        raise missing(name)

    @property
    def config(self) -> Path:
        """All that the run was asked to do; ``textvae train --config`` repeats it."""
        return self.folder / "config.yaml"

    @property
    def text(self) -> Path:
        """What tells the text of the run from others."""
        return self.folder / "text.json"

    @property
    def model(self) -> Path:
        """The trained model, complete in itself."""
        return self.folder / "model"

    @property
    def checkpoints(self) -> Path:
        """What ``textvae train --resume`` continues from."""
        return self.folder / "checkpoints"

    @property
    def metrics(self) -> Path:
        """The training curves."""
        return self.folder / "metrics.csv"

    @property
    def report(self) -> Path:
        """The evaluation, its protocol, and where it was done."""
        return self.folder / "report.json"

    @property
    def sentences(self) -> Path:
        """The numbers of each sentence that the evaluation averages."""
        return self.folder / "sentences.json"

    @property
    def samples(self) -> Path:
        """Reconstructions, samples and an interpolation, to be read."""
        return self.folder / "samples.txt"

    def check_unused(self) -> None:
        """
        Raises:
            UsageError: If the name is in use.
        """
        if self.folder.exists():
            raise UsageError(
                f"{self.folder} exists; choose another --name, or continue it with --resume "
                f"{self.folder}"
            )

    def create(self) -> None:
        """Makes the folder.

        Raises:
            UsageError: If the name is in use or the folder cannot be made.
        """
        self.check_unused()
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def remove(self) -> None:
        """Deletes the folder of a run that never began."""
        shutil.rmtree(self.folder, ignore_errors=True)


def find_model(name: str) -> Path:
    """The model folder that a user means: a run, its model folder, or the name of a run.

    A name that no run has may be that of a model that ships with the package, such as demo.

    Raises:
        UsageError: If there is no model there.
    """
    path = Path(name)
    for folder in (path, path / "model", Run.named(name).model):
        if (folder / "config.json").is_file():
            return folder
    for run in (Run(path), Run.named(name)):
        if run.config.is_file():
            raise UsageError(
                f"{run.folder} has no model yet; finish it with --resume {run.folder}"
            )
    if len(path.parts) == 1 and (SHIPPED / path / "config.json").is_file():
        return SHIPPED / path
    if path.exists():
        raise UsageError(
            f"{name} is not a run folder: neither it nor {path / 'model'} has a model"
        )
    raise missing(name)


def read_report(model: Path) -> dict[str, Any] | None:
    """The report of a model's run: beside its folder, or in it where it has left its run."""
    beside = Run(model.parent).report if Run(model.parent).config.is_file() else None
    for path in filter(None, (beside, model / "report.json")):
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return None


def missing(name: str) -> UsageError:
    """That no run has this name; of the names there are, the closest comes first."""
    names = sorted(path.parent.name for path in RUNS.glob("*/config.yaml"))
    closest = get_close_matches(name, names, n=1)
    names = closest + [other for other in names if other not in closest]
    some = f" (there are: {', '.join(names[:8])}{' ...' * (len(names) > 8)})" if names else ""
    return UsageError(f"no run named {name} under {RUNS}/, nor a folder of that name{some}")
