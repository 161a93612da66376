"""Sentence variational auto-encoders: train, measure, interpolate."""

__all__ = ["TextVAE", "__version__", "load"]

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import TextVAE, load

try:
    __version__ = version("textvae")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    """Imports torch and the rest when a name is first used, so that importing textvae is quick."""
    if name in ("TextVAE", "load"):
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
