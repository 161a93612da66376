"""What an encoder and a decoder around a model of `transformers` have in common."""

__all__ = ["Holder"]

from collections.abc import Iterator
from typing import Any, Self

import torch
import torch.nn as nn

from ..errors import UsageError
from .models import FLASH, Loaded, max_positions, take_attention
from .numbering import its_tokenizer
from .tuning import TRAINABLE, checkpoint_activations, make_trainable


class Holder(nn.Module):
    """A part that holds a model of `transformers`: `model`, which has positions for `limit`
    tokens, and whose number of each of our tokens is in `ids`, or None if they are ours."""

    init_args: dict[str, Any]

    def _hold(
        self,
        model: nn.Module,
        loaded: Loaded,
        trainable: TRAINABLE,
        lora_rank: int,
        lr_scale: float,
        gradient_checkpointing: bool,
    ) -> None:
        if lr_scale <= 0:
            raise ValueError(f"'lr_scale' must be positive, got {lr_scale}.")
        if gradient_checkpointing and trainable == "none":
            raise ValueError(
                "'gradient_checkpointing' needs a model that learns, and 'trainable' is none."
            )
        self._stored = loaded.stored()
        self.model = model
        self.lr_scale = lr_scale
        self.limit = max_positions(model)
        self.register_buffer("ids", loaded.ids, persistent=False)
        self.trainable = trainable
        self.frozen = trainable == "none"
        self.vocabulary = loaded.vocabulary
        self.pretrained = loaded.vocabulary is not None
        self.flash = loaded.attention == FLASH
        self.plain_attention = model.config._attn_implementation
        make_trainable(model, trainable, lora_rank)
        if gradient_checkpointing:
            checkpoint_activations(model)
        # What is loaded comes as it is in use, and Lightning trains modules as it finds them.
        self.train()

    def choose_attention(self) -> None:
        """Takes flash attention, where it was asked for, for what it can do: half precision on a
        GPU. The rest, such as an evaluation in float32, goes by the library's own kernels."""
        if self.flash:
            weight = next(self.model.parameters())
            take_attention(self.model, FLASH if in_half(weight) else self.plain_attention)

    def check_tokenizer(self, tokenizer: object) -> None:
        """
        Raises:
            UsageError: If the model was trained with other tokens than a tokenizer has.
        """
        theirs = getattr(tokenizer, "transformers_tokenizer", None)
        if self.vocabulary is None or (theirs and theirs.get_vocab() == self.vocabulary):
            return
        name = self.init_args["pretrained"]
        raise UsageError(
            f"{name} was trained with other tokens than those of the text's tokenizer, as many as "
            f"they are; take its own by {its_tokenizer(name)}"
        )

    def lr_scales(self) -> dict[nn.Parameter, float]:
        return dict.fromkeys(self.own_parameters(), self.lr_scale)

    def own_parameters(self) -> Iterator[nn.Parameter]:
        """The weights of the model itself, without what we put around it."""
        return self.model.parameters()

    def stored_args(self) -> dict[str, Any]:
        """The arguments that build it again without its source; see :class:`Component`."""
        return self.init_args | self._stored

    def train(self, mode: bool = True) -> Self:
        """Leaves a frozen model as it is in use: what does not learn needs no dropout."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self


def in_half(weight: torch.Tensor) -> bool:
    """Whether products with a weight are in half precision, on a GPU."""
    kind = weight.device.type
    mixed = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if mixed else weight.dtype
    return kind == "cuda" and dtype in (torch.bfloat16, torch.float16)
