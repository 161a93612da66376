"""Latents with their sentences, in a file for other programs."""

__all__ = ["export"]

from collections.abc import Sequence
from pathlib import Path

from ..api import TextVAE
from ..errors import UsageError
from ..runs import replacing

KINDS = (".npz", ".parquet")


def export(
    vae: TextVAE, texts: Sequence[str], path: str | Path, labels: Sequence[str] | None = None
) -> None:
    """Writes the latents of sentences, whole or not at all.

    A ``.npz`` file holds the arrays z (N, D), text and, if given, label (N,); a ``.parquet`` file
    the columns text, label, and z, a list in each row.

    Arguments:
        vae: The model.
        texts: N sentences.
        path: The file; its name says which kind.
        labels: Their labels.

    Raises:
        UsageError: If the name says neither, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise UsageError(f"{path}: a file of latents ends in {' or '.join(KINDS)}")
    z = vae.encode(texts, vae.wanted(labels)).cpu().numpy()
    columns = {"text": list(texts)} | ({} if labels is None else {"label": list(labels)})
    with replacing(path, "wb") as file:
        if path.suffix == ".npz":
            import numpy as np

            arrays = {name: np.array(column, dtype=np.str_) for name, column in columns.items()}
            np.savez_compressed(file, z=z, **arrays)
        else:
            import pyarrow as pa
            from pyarrow.parquet import write_table

            lists = pa.FixedSizeListArray.from_arrays(pa.array(z.ravel()), z.shape[1])
            write_table(pa.table({**columns, "z": lists}), file)
