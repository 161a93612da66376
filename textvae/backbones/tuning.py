"""How much of a model is trained."""

__all__ = ["TRAINABLE", "checkpoint_activations", "make_trainable"]

import warnings
from typing import Literal

import torch.nn as nn

from ..errors import UsageError

TRAINABLE = Literal["all", "none", "lora"] | int
"""All of a model, nothing, low-rank adapters, or its last layers by their number."""


def make_trainable(model: nn.Module, trainable: TRAINABLE, lora_rank: int) -> None:
    """Freezes what is not trained, and adds adapters where they are.

    References:
        | LoRA: Low-Rank Adaptation of Large Language Models (Hu et al., 2022)
        | https://arxiv.org/abs/2106.09685

    Arguments:
        model: A model of `transformers`, changed in place.
        trainable: all, none, lora, or the number of its last layers that are trained.
        lora_rank: The rank of the adapters.

    Raises:
        UsageError: If `peft` is missing where adapters are wanted.
        ValueError: If there are not as many layers.
    """
    if trainable == "all":
        return
    if trainable == "lora":
        _add_adapters(model, lora_rank)
        return
    model.requires_grad_(False)
    if trainable != "none":
        _thaw(model, trainable)


def checkpoint_activations(model: nn.Module) -> None:
    """Keeps the inputs of layers alone for the backward pass, which computes the rest again."""
    enable = getattr(model, "activation_checkpointing_enable", None)
    (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})


def _add_adapters(model: nn.Module, rank: int) -> None:
    if rank < 1:
        raise ValueError(f"'lora_rank' must be at least 1, got {rank}.")
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise UsageError("LoRA needs peft: pip install 'textvae[pretrained]'") from error
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    with warnings.catch_warnings():
        # GPT-2's layers are transposed, which peft finds out and says.
        warnings.filterwarnings("ignore", message="fan_in_fan_out")
        inject_adapter_in_model(config, model)


def _thaw(model: nn.Module, count: int) -> None:
    """Makes the last layers trainable, and what normalises their output."""
    layers = max(
        (part for part in model.modules() if isinstance(part, nn.ModuleList)),
        key=lambda part: sum(parameter.numel() for parameter in part.parameters()),
        default=nn.ModuleList(),
    )
    if not 1 <= count <= len(layers):
        raise ValueError(f"'trainable' must be from 1 to {len(layers)} layers, got {count}.")
    for layer in layers[-count:]:
        layer.requires_grad_(True)
    owner = next(part for part in model.modules() if layers in part.children())
    for name, part in owner.named_children():
        # Some models have a norm of the embeddings, too, which lies before the layers.
        if "norm" in type(part).__name__.lower() and "emb" not in name:
            part.requires_grad_(True)
