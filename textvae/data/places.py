"""From what a user names to where the sentences come from."""

__all__ = ["find_source"]

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from .corpus import TextSource
from .files import FileSource, FolderSource
from .opening import find_files
from .published import PREFIX, DatasetSource, is_saved
from .tables import Columns


def find_source(
    texts: Sequence[str],
    fractions: tuple[float, float],
    seed: int = 0,
    columns: Columns | None = None,
    unk_token: str | None = None,
) -> TextSource:
    """The source that names mean: files, patterns, one folder, or one data set of the hub.

    Arguments:
        texts: The names.
        fractions: The shares for validation and test where there are none.
        seed: The seed of that split.
        columns: Where tables hold what.
        unk_token: The word that stands for unknown ones in the text, or None.

    Raises:
        UsageError: If there is no such file, or a folder or data set is not alone.
    """
    options = (fractions, seed, columns, unk_token)
    single = texts[0] if len(texts) == 1 else None
    if single is not None and single.startswith(PREFIX):
        return DatasetSource(single.removeprefix(PREFIX), *options)
    if single is not None and (folder := Path(single).expanduser()).is_dir():
        if is_saved(folder):
            return DatasetSource(str(folder), *options)
        return FolderSource(folder, columns, unk_token)
    for text in texts:
        if text.startswith(PREFIX):
            raise UsageError(f"{text}: a data set of the hub stands alone; leave out the others")
    return FileSource(find_files(texts), *options)
