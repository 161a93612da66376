"""How well sentences come back from their latents."""

__all__ = ["Comparison", "compare", "is_spaced"]

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST_SPACES = 0.01
"""Text with fewer spaces than this fraction of its characters is not written in words."""


@dataclass(frozen=True)
class Comparison:
    """Sentences beside what came back of them.

    Arguments:
        exact: Whether each is the same, with shape (N,).
        correct: The places of each where the same word stands, the end counted, with shape (N,).
        places: The places of each, the end counted, with shape (N,).
        bleu: The BLEU of them all, from 0 to 100.
    """

    exact: Tensor
    correct: Tensor
    places: Tensor
    bleu: float


def is_spaced(texts: Sequence[str]) -> bool:
    """Whether spaces separate words in these texts."""
    characters = sum(len(text) for text in texts)
    return sum(text.count(" ") for text in texts) >= max(1, LEAST_SPACES * characters)


def compare(references: Sequence[str], hypotheses: Sequence[str], spaced: bool) -> Comparison:
    """Compares sentences word by word, or character by character where text is not spaced.

    Words, and not the tokens of a model, so that models with different tokenizers compare.

    References:
        | A Call for Clarity in Reporting BLEU Scores (Post, 2018)
        | https://arxiv.org/abs/1804.08771

    Arguments:
        references: The sentences.
        hypotheses: What came back of them.
        spaced: Whether spaces separate words.
    """
    # Here, because only evaluation needs it.
    from sacrebleu.metrics import BLEU

    pairs = [
        (_units(reference, spaced), _units(hypothesis, spaced))
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    bleu = BLEU(tokenize="none", force=True).corpus_score(
        [" ".join(hypothesis) for _, hypothesis in pairs],
        [[" ".join(reference) for reference, _ in pairs]],
    )
    return Comparison(
        exact=torch.tensor([reference == hypothesis for reference, hypothesis in pairs]),
        correct=torch.tensor([_agreements(*pair) for pair in pairs]),
        places=torch.tensor([len(reference) + 1 for reference, _ in pairs]),
        bleu=bleu.score,
    )


def _units(text: str, spaced: bool) -> list[str]:
    return text.split() if spaced else list(text)


def _agreements(reference: list[str], hypothesis: list[str]) -> int:
    ended = zip([*reference, None], [*hypothesis, None], strict=False)
    return sum(a == b for a, b in ended)
