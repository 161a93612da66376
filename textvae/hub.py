"""Model folders on the Hugging Face hub."""

__all__ = ["locate", "upload"]

import re
from pathlib import Path

from .errors import UsageError
from .runs import RUNS, find_model


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
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    hub = HfApi()
    try:
        address = hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder)
    except _refusals() as error:
        silent = isinstance(error, HTTPError) and not isinstance(error, HfHubHTTPError)
        mend = "check the network" if silent else "log in by hf auth login"
        raise UsageError(f"cannot upload to {repository} ({_reason(error)}); {mend}") from error
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
    except _refusals() as error:
        raise UsageError(
            f"no folder {repository}, and none of that name on the hub ({_reason(error)}); check "
            "the name and the network, and log in by hf auth login if it is private"
        ) from error


def _refusals() -> tuple[type[Exception], ...]:
    """What the hub's own errors derive from, and those of the connection to it."""
    from huggingface_hub.errors import HTTPError

    return OSError, ValueError, HTTPError


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
