"""Beam search."""

__all__ = ["beam", "beam_n_best"]

from collections.abc import Sequence

import torch
from torch import Tensor

from ..types import BOS, EOS, State
from .step import FORBIDDEN, StepFunction, forbid, largest, num_rows, select


def beam(
    step: StepFunction,
    state: State,
    max_length: int = 256,
    beam_size: int = 5,
    length_exponent: float = 1.0,
    forbidden: Sequence[int] = FORBIDDEN,
) -> list[list[int]]:
    """Writes the best sentence that :func:`beam_n_best` finds, and an empty one where there is
    none, since no beginning of it could go on."""
    found = beam_n_best(step, state, max_length, beam_size, length_exponent, forbidden)
    return [hypotheses[0][1] if hypotheses else [] for hypotheses in found]


@torch.no_grad()
def beam_n_best(
    step: StepFunction,
    state: State,
    max_length: int = 256,
    beam_size: int = 5,
    length_exponent: float = 1.0,
    forbidden: Sequence[int] = FORBIDDEN,
) -> list[list[tuple[float, list[int]]]]:
    """Follows the `beam_size` likeliest beginnings of each sentence at once.

    A hypothesis that ends keeps its place in the beam, which the others then have no more. All
    are ranked by log p / length^a, `</s>` counted; those cut off at the greatest length come last,
    since a loop that never ends has a fine score per token. A beam of one is greedy search.

    References:
        | Google's Neural Machine Translation System (Wu et al., 2016), section 7
        | https://arxiv.org/abs/1609.08144

    Arguments:
        step: The step function.
        state: The state before the first token, of B sentences.
        max_length: The most tokens of a sentence; ``</s>`` is not counted.
        beam_size: The number of hypotheses K of each sentence.
        length_exponent: The exponent a. 0 ranks by likelihood, and so prefers the short; 1 by
            likelihood per token.
        forbidden: The tokens that are never chosen.

    Returns:
        For each sentence at most K pairs of score and tokens, best first, the tokens without
        ``<s>`` and ``</s>``.

    Raises:
        ValueError: If there is no beam.
    """
    if beam_size < 1:
        raise ValueError(f"'beam_size' must be at least 1, got {beam_size}.")

    beams = _Beams(num_rows(state), beam_size, length_exponent, next(iter(state.values())).device)
    for _ in range(max_length):
        logits, state = step(beams.tokens, state)
        parents = beams.advance(forbid(logits, forbidden))
        if len(parents) == 0:
            break
        state = select(state, parents)
    return beams.ranked()


class _Beams:
    """The hypotheses of B sentences, K places each, of which only the open ones are stepped.

    Arguments:
        batch: The number of sentences.
        size: The places K of each.
        exponent: The exponent of the length.
        device: Where the scores live.
    """

    def __init__(self, batch: int, size: int, exponent: float, device: torch.device) -> None:
        self.exponent = exponent
        self.rank = torch.arange(size, device=device)
        self.places = torch.full((batch,), size, device=device)  # (B,), still open
        self.sentences = torch.arange(batch, device=device)  # (R,), whose each open hypothesis is
        self.scores = torch.zeros(batch, device=device)  # (R,)
        self.tokens = torch.full((batch,), BOS, device=device)  # (R,), the last of each
        self.written = self.tokens.new_empty(batch, 0)  # (R, t)
        self.ended: list[list[tuple[float, list[int]]]] = [[] for _ in range(batch)]

    def advance(self, logits: Tensor) -> Tensor:
        """Extends each hypothesis by its best tokens, and keeps the best of each sentence.

        Arguments:
            logits: Those of the next tokens, with shape (R, V).

        Returns:
            For each hypothesis that stays open, that which it continues, with shape (R',).
        """
        scores, parents, tokens = self._best(logits)  # (B, K) each, best first
        valid = (self.rank < self.places[:, None]) & (scores > -torch.inf)
        ends = valid & (tokens == EOS)
        self._end(ends.nonzero()[:, 0], scores[ends], parents[ends], with_eos=1)
        self.places -= ends.sum(dim=1)

        stays = valid & ~ends
        parents, self.scores, self.tokens = parents[stays], scores[stays], tokens[stays]
        self.sentences = self.sentences[parents]
        self.written = torch.cat([self.written[parents], self.tokens[:, None]], dim=1)
        return parents

    def ranked(self) -> list[list[tuple[float, list[int]]]]:
        """All hypotheses of each sentence: the ended ones, best first, then those cut off."""
        ended = [sorted(found, key=lambda pair: -pair[0]) for found in self.ended]
        rows = torch.arange(len(self.scores), device=self.scores.device)
        self._end(self.sentences, self.scores, rows, with_eos=0)  # best first within a sentence
        return [best + found[len(best) :] for best, found in zip(ended, self.ended, strict=True)]

    def _best(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The K best continuations of each sentence: scores, parent rows and tokens, (B, K)."""
        batch, size = len(self.places), len(self.rank)
        top, tokens = largest(logits, min(size, logits.shape[1]))  # (R, k)
        likeliest = torch.softmax(logits, dim=1, out=logits).gather(1, tokens[:, :1])  # (R, 1)
        top = top - top[:, :1] + likeliest.log()
        top = top.masked_fill(top.isnan(), -torch.inf)  # where no token is possible
        # Where each row stands among those of its sentence.
        first = torch.searchsorted(self.sentences, self.sentences)
        place = torch.arange(len(first), device=first.device) - first

        scores = top.new_full((batch, size, top.shape[1]), -torch.inf)
        scores[self.sentences, place] = top + self.scores[:, None]
        rows = place.new_zeros(batch, size)
        rows[self.sentences, place] = torch.arange(len(first), device=first.device)

        best, index = scores.flatten(1).topk(size, dim=1)  # (B, K)
        parents = rows.gather(1, index // top.shape[1])
        return best, parents, tokens[parents, index % top.shape[1]]

    def _end(self, sentences: Tensor, scores: Tensor, rows: Tensor, with_eos: int) -> None:
        length = self.written.shape[1] + with_eos
        for sentence, score, words in zip(
            sentences.tolist(), scores.tolist(), self.written[rows].tolist(), strict=True
        ):
            self.ended[sentence].append((score / length**self.exponent, words))
