"""Model folders on the Hugging Face hub."""

__all__ = ["download", "is_repository", "upload"]

import re
from pathlib import Path

from .errors import UsageError

REFUSALS = (OSError, ValueError)
"""What the hub's own errors derive from."""


def is_repository(name: str) -> bool:
    """Whether a name may be that of a repository, such as someone/something."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and name[0] != "."


def download(repository: str) -> Path:
    """The folder of a model, from the hub or from its cache.

    Raises:
        UsageError: If there is none, or the hub cannot be reached.
    """
    # Here, because only this needs it.
    from huggingface_hub import snapshot_download

    patterns = ["config.json", "model.safetensors", "report.json"]
    patterns += ["tokenizer/*", "encoder_tokenizer/*"]
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except REFUSALS as error:
        raise UsageError(
            f"no folder {repository}, and none of that name on the hub: {_reason(error)}"
        ) from error


def upload(folder: Path, repository: str, private: bool) -> str:
    """Uploads a model folder, and returns the address of the repository.

    Raises:
        UsageError: If the hub cannot be reached, or does not let the user write there.
    """
    from huggingface_hub import HfApi

    hub = HfApi()
    try:
        address = hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder)
    except REFUSALS as error:
        raise UsageError(
            f"cannot upload to {repository} ({_reason(error)}); log in by hf auth login"
        ) from error
    return str(address)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
