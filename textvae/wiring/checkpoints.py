"""Checkpoints of training that appear whole or not at all."""

__all__ = ["WholeFiles", "check_readable"]

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from ..errors import UsageError
from ..runs import replacing


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


def check_readable(checkpoint: Path) -> None:
    """
    Raises:
        UsageError: If the checkpoint is damaged.
    """
    try:
        torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, EOFError, ValueError, OSError, pickle.UnpicklingError) as error:
        mend = "put back a copy, or delete it to begin anew"
        raise UsageError(f"{checkpoint} is damaged; {mend}") from error
