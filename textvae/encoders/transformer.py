"""The transformer encoder."""

__all__ = ["TransformerEncoder"]

from typing import Any, Literal

import torch
import torch.nn as nn
from torch import Tensor

from ..backbones import (
    ATTENTIONS,
    TRAINABLE,
    Holder,
    Source,
    check_length,
    load_encoder,
)
from ..nn import align, pool
from ..types import BOS, PAD
from .base import Encoder

SMALL = {
    "model_type": "bert",
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
}
"""What is built where nothing is named."""


class TransformerEncoder(Holder, Encoder):
    """Any encoder of `transformers`, pooled over the tokens of a sentence.

    It reads the start token, where the model has one, the sentence, and its end token. Of a
    sequence-to-sequence model, the encoder is taken; a causal language model will do, too.

    Arguments:
        vocab_size: The number of tokens of the vocabulary.
        config: A configuration of transformers: model_type and its options. A small BERT if
            neither this nor pretrained is given.
        pretrained: The name or folder of a model with its tokenizer.
        pooling: How to pool over the tokens: cls (the first), mean, max, last or attention.
        trainable: What is trained: all, none, lora, or the number of the last layers.
        lora_rank: The rank of the adapters of lora.
        lr_scale: The learning rate of the model's own weights, as a share of the optimiser's;
            about 0.02 where a pretrained model is trained whole.
        gradient_checkpointing: Whether to keep less for the backward pass and compute it again.
        attention: eager, sdpa or flash_attention_2; null takes what the model can do best.
        trust_remote_code: Whether code that comes with a pretrained model may run.
        specials: The model's numbers for padding, start, end and unknown where they are not ours;
            found by the tokenizer of a pretrained model.

    Raises:
        UsageError: If there is no such model, or its vocabulary is another.
    """

    def __init__(
        self,
        vocab_size: int,
        config: dict[str, Any] | None = None,
        pretrained: str | None = None,
        pooling: Literal["cls", "mean", "max", "last", "attention"] = "mean",
        trainable: TRAINABLE = "all",
        lora_rank: int = 8,
        lr_scale: float = 1.0,
        gradient_checkpointing: bool = False,
        attention: ATTENTIONS | None = None,
        trust_remote_code: bool = False,
        specials: list[int] | None = None,
    ) -> None:
        super().__init__()

        if config is None and pretrained is None:
            config = dict(SMALL)
        source = Source(vocab_size, config, pretrained, specials, attention, trust_remote_code)
        loaded = load_encoder(source)
        self._hold(loaded.model, loaded, trainable, lora_rank, lr_scale, gradient_checkpointing)
        self.out_features = self.model.config.get_text_config().hidden_size
        self.pooling = pooling
        self.weigh = nn.Linear(self.out_features, 1) if pooling == "attention" else None
        self.starts = loaded.specials is None or loaded.specials[BOS] != loaded.specials[PAD]
        self.max_tokens = None if self.limit is None else self.limit - self.starts

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x, mask = align(x, mask)
        check_length("encoder", x.shape[1], self.max_tokens)
        if self.starts:
            x = torch.cat([torch.full_like(x[:, :1], BOS), x], dim=1)
            mask = torch.cat([mask[:, :1], mask], dim=1)
        x = x.masked_fill(~mask, PAD)
        tokens = x if self.ids is None else self.ids[x]
        self.choose_attention()
        h = self.model(input_ids=tokens, attention_mask=mask.long()).last_hidden_state  # (B, T, H)
        if self.pooling == "cls":
            return h[:, 0]
        if self.weigh is not None:
            weights = self.weigh(h).masked_fill(~mask[..., None], -torch.inf).softmax(dim=1)
            return (weights * h).sum(dim=1)
        return pool(h, mask, self.pooling)
