"""A module of sentence-transformers that holds any model of ours; that library imports it."""

__all__ = ["Embedder"]

from collections.abc import Sequence
from typing import Any, Self

import torch
from sentence_transformers.base.modules import InputModule
from torch import Tensor

from .api import TextVAE
from .data.batching import collate


class Embedder(InputModule):
    """Turns sentences into the modes of their posteriors.

    Arguments:
        model: The model.
    """

    def __init__(self, model: TextVAE) -> None:
        super().__init__()

        self.vae = model.vae
        self.model = model

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, **_: Any
    ) -> dict[str, Tensor]:
        texts = [(prompt or "") + text for text in inputs]
        batch = collate(self.model.tokens(texts), range(len(texts)))
        return {"input_ids": batch.source, "attention_mask": batch.source_mask}

    def forward(self, features: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:
        h = self.vae.encoder(features["input_ids"], features["attention_mask"].bool())
        return {**features, "sentence_embedding": self.vae.posterior(h).mode}

    def get_embedding_dimension(self) -> int:
        """The number of latent dimensions."""
        return self.model.latent_dim

    @classmethod
    def load(cls, model_name_or_path: str, **_: Any) -> Self:
        return cls(TextVAE.load(model_name_or_path))

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        self.model.save(output_path)

    @property
    def tokenizer(self) -> Any:
        """What makes the tokens."""
        return self.model.encoder_tokenizer or self.model.tokenizer

    @torch.no_grad()
    def tokenize(self, texts: list[str], **options: Any) -> dict[str, Tensor]:
        return self.preprocess(texts, **options)
