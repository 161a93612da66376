"""A folder that sentence-transformers loads, and that gives the mode of the posterior."""

__all__ = ["write_sentence_folder"]

import copy
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from .data.tokenizer import Tokenizer
from .errors import UsageError
from .posteriors.base import Posterior
from .runs import write_json
from .storage import save_model
from .vae import SentenceVAE

ROOT = "sentence_transformers.models"
"""Where versions before 6 have their modules, and later ones still look for them."""

POOLINGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "last": "pooling_mode_lasttoken",
}
PROBES = ("a b c", "A cat sat, 1 day.", "x")
"""What the two numberings of tokens are compared on."""


def write_sentence_folder(
    folder: Path,
    vae: SentenceVAE,
    tokenizer: Tokenizer,
    encoder_tokenizer: Tokenizer | None,
) -> bool:
    """Writes the encoder as a folder for sentence-transformers.

    A transformer with its pretrained tokenizer becomes modules of that library, with a linear map
    behind them. Any other model becomes one module of ours, which the library loads by
    ``trust_remote_code=True`` where textvae is installed.

    Arguments:
        folder: Where to; it must not exist, or be empty.
        vae: The model.
        tokenizer: Its tokenizer.
        encoder_tokenizer: The encoder's own, if it has one.

    Returns:
        Whether the library loads it without code of ours.

    Raises:
        UsageError: If something stands there, or the model has no latents.
    """
    if vae.labels is not None:
        raise UsageError("a conditional model needs labels, which sentence-transformers has not")
    if vae.encoder is None:
        raise UsageError("a language model has no latents, so there is nothing to embed with")
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise UsageError(f"{folder} exists; choose another")
    dense = _dense(vae.posterior, vae.encoder.out_features)
    reader = getattr(encoder_tokenizer or tokenizer, "transformers_tokenizer", None)
    plain = dense is not None and reader is not None and _plain(vae.encoder, reader)
    if not plain:
        save_model(folder, vae, tokenizer, encoder_tokenizer)
        _write_modules(folder, [("", "textvae.embedder.Embedder")])
        return False
    folder.mkdir(parents=True, exist_ok=True)
    _write_modules(folder, _write_plain(folder, vae.encoder, reader, *dense))
    return True


def _write_modules(folder: Path, modules: list[tuple[str, str]]) -> None:
    entries = [
        {"idx": i, "name": str(i), "path": path, "type": kind}
        for i, (path, kind) in enumerate(modules)
    ]
    write_json(folder / "modules.json", entries)


def _write_plain(
    folder: Path, encoder: Any, reader: Any, weight: Tensor, bias: Tensor, on_sphere: bool
) -> list[tuple[str, str]]:
    from safetensors.torch import save_file

    model = _merged(encoder.model)
    model.save_pretrained(folder)
    reader.save_pretrained(folder)
    read = {"max_seq_length": encoder.limit or 512, "do_lower_case": False}
    if "add_pooling_layer" in signature(type(model)).parameters:
        # Or it would be missed, and drawn at random for nobody.
        read["model_args"] = {"add_pooling_layer": False}
    write_json(folder / "sentence_bert_config.json", read)
    latent_dim, width = weight.shape
    (folder / "1_Pooling").mkdir()
    modes = {key: name == encoder.pooling for name, key in POOLINGS.items()}
    pooling = {"word_embedding_dimension": width, **modes}
    write_json(folder / "1_Pooling" / "config.json", pooling)
    (folder / "2_Dense").mkdir()
    shape = {"in_features": width, "out_features": latent_dim, "bias": True}
    activation = "torch.nn.modules.linear.Identity"
    write_json(folder / "2_Dense" / "config.json", {**shape, "activation_function": activation})
    tensors = {"linear.weight": weight.contiguous(), "linear.bias": bias.contiguous()}
    save_file(tensors, str(folder / "2_Dense" / "model.safetensors"))
    modules = [
        ("", f"{ROOT}.Transformer"),
        ("1_Pooling", f"{ROOT}.Pooling"),
        ("2_Dense", f"{ROOT}.Dense"),
    ]
    if on_sphere:
        (folder / "3_Normalize").mkdir()
        modules.append(("3_Normalize", f"{ROOT}.Normalize"))
    return modules


@torch.no_grad()
def _dense(posterior: Posterior, width: int) -> tuple[Tensor, Tensor, bool] | None:
    """The W and b of a mode W h + b, and whether it is brought to the sphere after that."""
    parameter = next(posterior.parameters())
    h = torch.randn(64, width, generator=torch.Generator().manual_seed(0)).to(parameter)
    mode = posterior(h).mode
    linear = getattr(posterior, "project", None)
    if isinstance(linear, nn.Linear) and linear.out_features == mode.shape[1]:
        if torch.allclose(F.normalize(linear(h), dim=-1), mode, atol=1e-5):
            bias = linear.bias if linear.bias is not None else mode.new_zeros(mode.shape[1])
            return linear.weight.cpu(), bias.cpu(), True
    zero = posterior(h.new_zeros(1, width)).mode[0]
    weight = (posterior(torch.eye(width).to(h)).mode - zero).t()
    if not torch.allclose(F.linear(h, weight, zero), mode, atol=1e-4):
        return None
    return weight.cpu(), zero.cpu(), False


def _plain(encoder: nn.Module, reader: Any) -> bool:
    """Whether modules of the library read sentences as the encoder does."""
    from transformers import MODEL_MAPPING

    model = getattr(encoder, "model", None)
    pooled = getattr(encoder, "pooling", None) in POOLINGS
    if model is None or not pooled or encoder.ids is None:
        return False
    if MODEL_MAPPING.get(type(model.config), None) is not type(model):
        return False  # it would be loaded as another, as half of a pair is
    start = [int(encoder.ids[1])] * encoder.starts
    end = [int(encoder.ids[2])]
    return all(
        reader(text)["input_ids"]
        == start + reader(text, add_special_tokens=False)["input_ids"] + end
        for text in PROBES
    )


def _merged(model: Any) -> Any:
    """The model with its adapters added to what they adapt."""
    model = copy.deepcopy(model)
    for name, part in list(model.named_modules()):
        if hasattr(part, "get_base_layer"):
            part.merge()
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, part.get_base_layer())
    return model
