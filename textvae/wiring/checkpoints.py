"""Checkpoints of training that appear whole or not at all."""

__all__ = ["WholeFiles", "read_checkpoint"]

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from ..errors import UsageError
from ..runs import replacing

OURS = {"state_dict", "batches_seen", "rng", "loops"}
"""What every checkpoint of ours holds."""


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint under a temporary name first. Lightning's own leaves half a file behind
    where the disk is full or the process ends."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        # In memory first: from a full disk, torch.save raises what cannot be told from a bug.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, "wb") as file:
            file.write(buffer.getbuffer())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of ours onto the CPU, without unpickling.

    Raises:
        UsageError: If it is damaged, or not one of ours.
    """
    mend = "put back a copy, or delete it to begin anew"
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, EOFError, ValueError, OSError, pickle.UnpicklingError) as error:
        raise UsageError(f"{path} is damaged; {mend}") from error
    if not isinstance(found, dict) or not OURS <= found.keys():
        raise UsageError(f"{path} is not a checkpoint of textvae; {mend}")
    return found
