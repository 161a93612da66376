"""Ancestral sampling, with temperature, top-k and top-p."""

__all__ = ["sample"]

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..types import EOS, State
from .step import FORBIDDEN, StepFunction, autoregress, num_rows


def sample(
    step: StepFunction,
    state: State,
    max_length: int = 256,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    generator: torch.Generator | None = None,
    forbidden: Sequence[int] = FORBIDDEN,
) -> list[list[int]]:
    """Draws each token from the decoder's distribution.

    A sentence's draws depend on the generator and on its place alone, not on how many others
    there are or when they end.

    References:
        | The Curious Case of Neural Text Degeneration (Holtzman et al., 2020)
        | https://arxiv.org/abs/1904.09751

    Arguments:
        step: The step function.
        state: The state before the first token, of B sentences.
        max_length: The most tokens of a sentence; ``</s>`` is not counted.
        temperature: What the logits are divided by. Under 1 is more careful, over 1 bolder.
        top_k: The number of likeliest tokens to draw from; 0 for all.
        top_p: The probability that the likeliest tokens to draw from must reach; 1 for all.
        generator: The source of randomness, on the CPU; torch's own if None.
        forbidden: The tokens that are never chosen.

    Returns:
        The tokens of each sentence, without ``<s>`` and ``</s>``.

    Raises:
        ValueError: If a temperature, top-k or top-p is impossible.
    """
    keep_likely = _filter(temperature, top_k, top_p)
    noise = torch.rand(num_rows(state), max_length, generator=generator)  # (B, T) in [0, 1)
    noise = noise.to(next(iter(state.values())).device)

    def draw(logits: Tensor, rows: Tensor, position: int) -> Tensor:
        # From the largest on, since the quotient of a small temperature overflows.
        logits = (logits - logits.amax(dim=1, keepdim=True)) / temperature
        probability = keep_likely(logits).softmax(dim=1)  # (R, V)
        cumulative = probability.cumsum(dim=1, dtype=torch.double)
        # The first token past the threshold: one of probability zero never is.
        threshold = noise[rows, position, None] * cumulative[:, -1:]
        drawn = torch.searchsorted(cumulative, threshold, right=True)
        # Where no token is possible, the sentence ends.
        return drawn.where(threshold.isfinite(), EOS).squeeze(1)

    return autoregress(step, state, draw, max_length, forbidden)


def _filter(temperature: float, top_k: int, top_p: float) -> Callable[[Tensor], Tensor]:
    """What hides the unlikely tokens."""
    if not temperature > 0:
        raise ValueError(f"'temperature' must be positive, got {temperature}.")
    if top_k < 0:
        raise ValueError(f"'top_k' must be at least 0, got {top_k}.")
    if not 0 < top_p <= 1:
        raise ValueError(f"'top_p' must be in (0, 1], got {top_p}.")
    if top_k == 0 and top_p == 1:
        return lambda logits: logits

    # Here, because the import takes a second.
    from transformers import LogitsProcessorList, TopKLogitsWarper, TopPLogitsWarper

    filters = LogitsProcessorList()
    if top_k > 0:
        filters.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        filters.append(TopPLogitsWarper(top_p))
    return lambda logits: filters(None, logits)
