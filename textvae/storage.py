"""A model on disk: a folder that is complete in itself and from which nothing is unpickled."""

__all__ = ["load_model", "save_model"]

import importlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_model as load_tensors
from safetensors.torch import save_model as save_tensors

from .auxiliaries.base import Auxiliary
from .component import describe
from .data.tokenizer import Tokenizer
from .decoders.base import Decoder
from .encoders.base import Encoder
from .errors import UsageError
from .labels import Labels
from .posteriors.base import Posterior
from .priors.base import Prior
from .runs import unwritable, write_json
from .vae import SentenceVAE

FORMAT = 1
"""The version of the layout, raised when an older library could not read a newer folder."""

CONFIG, TENSORS = "config.json", "model.safetensors"
TOKENIZER, ENCODER_TOKENIZER = "tokenizer", "encoder_tokenizer"

PARTS = {
    "encoder": Encoder,
    "posterior": Posterior,
    "prior": Prior,
    "decoder": Decoder,
    "auxiliary": Auxiliary,
    "labels": Labels,
}


def save_model(
    folder: str | Path,
    vae: SentenceVAE,
    tokenizer: Tokenizer,
    encoder_tokenizer: Tokenizer | None = None,
) -> None:
    """Writes a model and its tokenizer into a folder that appears whole or not at all.

    A model that stands there already is replaced.

    Arguments:
        folder: Where to; its parent is made if need be.
        vae: The model.
        tokenizer: Its tokenizer.
        encoder_tokenizer: The encoder's own, if it has one.

    Raises:
        UsageError: If the folder cannot be written, or holds something else.
    """
    folder = Path(folder)
    if folder.is_file() or (
        folder.exists() and not (folder / CONFIG).is_file() and any(folder.iterdir())
    ):
        raise UsageError(f"{folder} exists and is not a model folder; choose another")
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        _write(temporary, vae, {TOKENIZER: tokenizer, ENCODER_TOKENIZER: encoder_tokenizer})
        temporary.chmod(0o755)  # mkdtemp makes it private
        _replace(temporary, folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    except SafetensorError as error:
        raise UsageError(
            f"cannot write {folder} ({error}); free some space, or choose another"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _write(folder: Path, vae: SentenceVAE, tokenizers: dict[str, Tokenizer | None]) -> None:
    config = {name: describe(getattr(vae, name)) for name in PARTS}
    given = {name: tokenizer for name, tokenizer in tokenizers.items() if tokenizer is not None}
    config |= {"format": FORMAT, **describe(given)}
    save_tensors(vae, str(folder / TENSORS))
    for name, tokenizer in given.items():
        (folder / name).mkdir()
        tokenizer.save(folder / name)
    write_json(folder / CONFIG, config)


def _replace(temporary: Path, folder: Path) -> None:
    """Puts a finished folder in the place of another, which is deleted last."""
    old = Path(f"{temporary}.old")
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_model(
    folder: str | Path, foreign: bool = False
) -> tuple[SentenceVAE, Tokenizer, Tokenizer | None]:
    """Reads what :func:`save_model` wrote, in evaluation mode on the CPU.

    Arguments:
        folder: The folder.
        foreign: Whether it is a stranger's: then no module is imported but ours, and other parts
            are of modules that have been imported already.

    Raises:
        UsageError: If there is no such folder, or it is not one of ours, or it is damaged.
    """
    folder = Path(folder)
    config = {"auxiliary": None, "labels": None, **_read_config(folder)}  # absent in older ones
    try:
        parts = {name: _build(base, config[name], foreign) for name, base in PARTS.items()}
        vae = SentenceVAE(**parts)
        load_tensors(vae, folder / TENSORS)
        tokenizer = _tokenizer(folder / TOKENIZER, config[TOKENIZER], foreign)
        encoder_tokenizer = None
        if own := config.get(ENCODER_TOKENIZER):
            encoder_tokenizer = _tokenizer(folder / ENCODER_TOKENIZER, own, foreign)
    except UsageError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{folder} is damaged or not a textvae model: {reason}") from error
    return vae.eval(), tokenizer, encoder_tokenizer


def _tokenizer(folder: Path, described: dict[str, Any], foreign: bool) -> Tokenizer:
    cls = _find(Tokenizer, described["class_path"], foreign)
    return cls.load(folder, **described["init_args"])


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{folder} is not a model folder: it has no {CONFIG}") from error
    except ValueError as error:
        raise UsageError(f"{folder / CONFIG} is damaged: {error}") from error
    if not isinstance(config, dict) or "format" not in config or "decoder" not in config:
        raise UsageError(f"{folder / CONFIG} is not that of a textvae model")
    if config["format"] != FORMAT:
        raise UsageError(
            f"{folder} has format {config['format']}, this version reads {FORMAT}; update textvae"
        )
    return config


def _find(base: type, path: str, foreign: bool) -> type:
    """Imports a class, and refuses what is not a part of a model before anything is called."""
    module, _, name = path.rpartition(".")
    # To import a module is to run it.
    if foreign and module.partition(".")[0] != __package__ and module not in sys.modules:
        raise UsageError(
            f"the model needs {path}, which is no part of textvae; import {module} before, if you "
            "trust it"
        )
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"the model needs {path}, which cannot be imported: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise UsageError(f"the model names {path}, which is no {base.__name__}")
    return cls


def _build(base: type, described: dict[str, Any] | None, foreign: bool) -> Any:
    if described is None:
        return None
    arguments = described["init_args"]
    # We write neither: whoever made the folder would run their code, or fetch their weights, here.
    if arguments.get("trust_remote_code") or arguments.get("pretrained"):
        raise UsageError(
            "the model asks for code or weights from elsewhere, which no model folder of ours "
            "does; take it from where you trust it"
        )
    return _find(base, described["class_path"], foreign)(**arguments)
