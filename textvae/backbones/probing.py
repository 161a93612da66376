"""What only a run through a language model tells of it."""

__all__ = ["Anatomy", "examine"]

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn as nn

from ..errors import UsageError
from .quiet import quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Anatomy:
    """The parts of a language model, log p(next) = log_softmax(scale * W h + b).

    Arguments:
        stack: What turns embeddings into hidden states h.
        head: W and b.
        scale: What the logits are multiplied by, as in T5 with tied embeddings.
        cache: Of each layer, the heads and sizes of its keys and of its values.
    """

    stack: "PreTrainedModel"
    head: nn.Linear
    scale: float
    cache: list[tuple[int, int, int, int]]


@torch.no_grad()
def examine(model: "PreTrainedModel") -> Anatomy:
    """Takes a language model apart, and makes sure that the parts do what the whole does.

    Raises:
        UsageError: If they do not, or if the model remembers by other means than keys and values.
    """
    name = type(model).__name__
    stack, head = model.get_decoder(), model.get_output_embeddings()
    tokens = torch.tensor([[0, 1, 2]])
    seen = head.weight.new_zeros(1, 1, model.get_input_embeddings().embedding_dim)
    inner: dict[str, Any] = {"input_ids": tokens}
    outer: dict[str, Any] = {"input_ids": tokens}
    if model.config.is_encoder_decoder:
        inner["encoder_hidden_states"] = seen
        outer = {"decoder_input_ids": tokens, "encoder_outputs": (seen,)}
    training = model.training
    model.eval()
    with quiet():  # padding is as good as any token here
        parts, whole = stack(**inner, use_cache=True), model(**outer, use_cache=False)
    model.train(training)

    bias = 0 if head.bias is None else head.bias
    logits, linear = whole.logits - bias, head(parts.last_hidden_state) - bias
    scale = ((logits * linear).sum() / (linear * linear).sum()).item()
    # Small logits hide a cap from the comparison.
    capped = getattr(model.config.get_text_config(), "final_logit_softcapping", None) is not None
    if capped or not torch.allclose(logits, scale * linear, rtol=1e-3, atol=1e-4):
        raise UsageError(
            f"the logits of {name} are no linear function of its hidden states, as where they are "
            "capped; take another model, or set the cap (final_logit_softcapping) to null"
        )
    return Anatomy(stack, head, scale, _cache_shapes(parts.get("past_key_values"), name))


def _cache_shapes(cache: Any, name: str) -> list[tuple[int, int, int, int]]:
    layers = getattr(getattr(cache, "self_attention_cache", cache), "layers", [])
    held = [(getattr(layer, "keys", None), getattr(layer, "values", None)) for layer in layers]
    if not held or any(keys is None or values is None for keys, values in held):
        raise UsageError(
            f"{name} remembers by other means than keys and values; take a transformer, "
            "such as gpt2 or llama"
        )
    return [(k.shape[1], k.shape[3], v.shape[1], v.shape[3]) for k, v in held]
