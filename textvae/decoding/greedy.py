"""Greedy search: the likeliest token at every step."""

__all__ = ["greedy"]

from collections.abc import Sequence

from torch import Tensor

from ..types import State
from .step import FORBIDDEN, StepFunction, autoregress, largest


def greedy(
    step: StepFunction,
    state: State,
    max_length: int = 256,
    forbidden: Sequence[int] = FORBIDDEN,
) -> list[list[int]]:
    """Writes the likeliest token at every step.

    Arguments:
        step: The step function.
        state: The state before the first token, of B sentences.
        max_length: The most tokens of a sentence; ``</s>`` is not counted.
        forbidden: The tokens that are never chosen.

    Returns:
        The tokens of each sentence, without ``<s>`` and ``</s>``.
    """

    def likeliest(logits: Tensor, rows: Tensor, position: int) -> Tensor:
        return largest(logits, 1)[1][:, 0]

    return autoregress(step, state, likeliest, max_length, forbidden)
