"""Model folders on the Hugging Face hub."""

__all__ = ["locate", "upload"]

import re
from pathlib import Path

from .errors import UsageError
from .runs import RUNS, find_model

REFUSALS = (OSError, ValueError)
"""What the hub's own errors derive from."""


def locate(name: str) -> tuple[Path, bool]:
    """The model folder that a user means: of a run, or else of a repository such as
    someone/something, from the hub or from its cache.

    Returns:
        The folder, and whether it is a stranger's.

    Raises:
        UsageError: If there is none, or the hub cannot be reached.
    """
    try:
        return find_model(name), False
    except UsageError:
        # Where its parent is a folder here, or that of runs, or a run, a path is meant.
        parent = Path(name).parent
        is_path = parent.is_dir() or parent == RUNS or (RUNS / parent).is_dir()
        if is_path or not _is_repository(name):
            raise
    return _download(name), True


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


def _is_repository(name: str) -> bool:
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and name[0] != "."


def _download(repository: str) -> Path:
    # Here, because only this needs it.
    from huggingface_hub import snapshot_download

    patterns = ["config.json", "model.safetensors", "report.json"]
    patterns += ["tokenizer/*", "encoder_tokenizer/*"]
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except REFUSALS as error:
        raise UsageError(
            f"no folder {repository}, and none of that name on the hub ({_reason(error)}); check "
            "the name and the network, and log in by hf auth login if it is private"
        ) from error


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
