"""What an encoder and a decoder around a model of `transformers` have in common."""

__all__ = ["Holder"]

from typing import Any, Self

import torch.nn as nn

from .models import Loaded, max_positions
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
        gradient_checkpointing: bool,
    ) -> None:
        self._stored = loaded.stored()
        self.model = model
        self.limit = max_positions(model)
        self.register_buffer("ids", loaded.ids, persistent=False)
        self.frozen = trainable == "none"
        make_trainable(model, trainable, lora_rank)
        if gradient_checkpointing:
            checkpoint_activations(model)

    def stored_args(self) -> dict[str, Any]:
        """The arguments that build it again without its source; see :class:`Component`."""
        return self.init_args | self._stored

    def train(self, mode: bool = True) -> Self:
        """Leaves a frozen model as it is in use: what does not learn needs no dropout."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self
