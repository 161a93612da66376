"""One entry to every search."""

__all__ = ["STRATEGIES", "Steps", "decode"]

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from ..errors import UsageError
from ..types import State
from .beam import beam
from .greedy import greedy
from .sampling import sample
from .step import FORBIDDEN

STRATEGIES = Literal["greedy", "beam", "sample"]


class Steps(Protocol):
    """What writes: a decoder, as far as a search knows it."""

    def start(self, z: Tensor) -> State:
        """The state before the first token, from latents (B, D)."""

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The logits of the next token (B, V), which may be overwritten, and the new state."""


@torch.no_grad()
def decode(
    decoder: Steps,
    z: Tensor,
    strategy: STRATEGIES = "greedy",
    *,
    max_length: int = 256,
    beam_size: int = 5,
    length_exponent: float = 1.0,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    forbidden: Sequence[int] = FORBIDDEN,
    chunk_size: int = 512,
) -> list[list[int]]:
    """Turns latents into sentences.

    Arguments:
        decoder: What writes; in evaluation mode.
        z: The latents, with shape (N, D).
        strategy: greedy, beam or sample.
        max_length: The most tokens of a sentence; ``</s>`` is not counted.
        beam_size: The hypotheses of a beam search.
        length_exponent: The exponent of the length in the score of a beam search.
        temperature: What the logits are divided by when sampling.
        top_k: The number of likeliest tokens to sample from; 0 for all.
        top_p: The probability that the likeliest tokens to sample from must reach; 1 for all.
        seed: The seed of sampling.
        forbidden: The tokens that are never chosen.
        chunk_size: The most sentences, or hypotheses of a beam, to write at once.

    Returns:
        The tokens of each sentence, without ``<s>`` and ``</s>``.

    Raises:
        UsageError: If the strategy is unknown.
        ValueError: If an option is impossible.
    """
    if strategy not in get_args(STRATEGIES):
        raise UsageError(
            f"There is no decoding strategy '{strategy}': take one of "
            f"{', '.join(get_args(STRATEGIES))}."
        )
    if max_length < 1:
        raise ValueError(f"'max_length' must be at least 1, got {max_length}.")

    generator = torch.Generator().manual_seed(seed)
    rows_each = max(1, beam_size) if strategy == "beam" else 1
    sentences: list[list[int]] = []
    for part in z.split(max(1, chunk_size // rows_each)) if len(z) > 0 else ():
        step, state = decoder.step, decoder.start(part)
        if strategy == "greedy":
            sentences += greedy(step, state, max_length, forbidden)
        elif strategy == "beam":
            sentences += beam(step, state, max_length, beam_size, length_exponent, forbidden)
        else:
            sentences += sample(
                step, state, max_length, temperature, top_k, top_p, generator, forbidden
            )
    return sentences
