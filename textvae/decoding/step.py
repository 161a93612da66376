"""What a search knows of a decoder: a function from the last tokens to the next logits."""

__all__ = ["FORBIDDEN", "StepFunction", "autoregress", "forbid", "largest", "num_rows", "select"]

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..types import BOS, EOS, PAD, State

FORBIDDEN = (PAD, BOS)
"""The tokens that no sentence contains, and no search emits."""

KEPT_ROWS = 0.75
"""Finished sentences leave the batch once fewer than this fraction of its rows is unfinished:
copying the state at every step would cost more than it saves."""


class StepFunction(Protocol):
    """Advances each sentence of a batch by one token."""

    def __call__(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """
        Arguments:
            tokens: The last tokens, with shape (B,); ``<s>`` at the first step.
            state: What the step before returned: batch-first tensors.

        Returns:
            The logits of the next token, with shape (B, V), which the search may overwrite, and
            the new state.
        """


def num_rows(state: State) -> int:
    """The number of sentences that a state is of."""
    return len(next(iter(state.values())))


def select(state: State, rows: Tensor) -> State:
    """The state of some rows, in their order."""
    return {name: value.index_select(0, rows) for name, value in state.items()}


def forbid(logits: Tensor, forbidden: Sequence[int]) -> Tensor:
    """The logits, in float32 or wider, with some tokens made impossible, in place."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    for token in forbidden:
        logits[:, token] = -torch.inf
    return logits


def largest(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The `k` largest logits of each row and their tokens, with shape (R, k) each, best first.

    Of a large vocabulary, only the `k` blocks with the largest maxima are searched.
    """
    vocab_size = logits.shape[1]
    width = math.isqrt(vocab_size)
    if 4 * k > width:
        return logits.topk(k)

    whole = vocab_size // width * width
    blocks = logits[:, :whole].unflatten(1, (-1, width))  # (R, V // width, width)
    best = blocks.amax(dim=2).topk(k).indices  # (R, k)
    rows = torch.arange(len(logits), device=logits.device)[:, None]
    searched = torch.cat([blocks[rows, best].flatten(1), logits[:, whole:]], dim=1)
    found, index = searched.topk(k)
    starts = torch.cat([width * best, best.new_full((len(best), 1), whole)], dim=1)
    return found, starts.gather(1, index // width) + index % width


@torch.no_grad()
def autoregress(
    step: StepFunction,
    state: State,
    choose: Callable[[Tensor, Tensor, int], Tensor],
    max_length: int,
    forbidden: Sequence[int],
) -> list[list[int]]:
    """Writes sentences from left to right, one token of each at a time.

    Arguments:
        step: The step function.
        state: The state before the first token, of B sentences.
        choose: From logits (R, V), the sentences (R,) they belong to, and the position, the next
            tokens (R,).
        max_length: The most tokens of a sentence; ``</s>`` is not counted.
        forbidden: The tokens that are never chosen.

    Returns:
        The tokens of each sentence, without ``<s>`` and ``</s>``.
    """
    device = next(iter(state.values())).device
    rows = torch.arange(num_rows(state), device=device)  # the sentences still in the batch
    written = torch.full((len(rows), max_length + 1), EOS, device=device)
    tokens = torch.full_like(rows, BOS)
    finished = torch.zeros_like(rows, dtype=torch.bool)

    for position in range(max_length):
        logits, state = step(tokens, state)
        tokens = choose(forbid(logits, forbidden), rows, position)
        written[rows, position] = tokens

        finished |= tokens == EOS
        remaining = len(rows) - int(finished.sum())
        if remaining == 0:
            break
        if remaining < KEPT_ROWS * len(rows):
            kept = (~finished).nonzero().squeeze(1)
            rows, tokens, finished = rows[kept], tokens[kept], finished[kept]
            state = select(state, kept)

    return [sentence[: sentence.index(EOS)] for sentence in written.tolist()]
