"""Word dropout: hide words from the decoder, so that it has to ask z."""

__all__ = ["word_dropout"]

import torch
from torch import Tensor


def word_dropout(x: Tensor, rate: float, replacement: int, keep: int) -> Tensor:
    """Replaces each token, with probability `rate`, by `replacement`.

    References:
        | Generating Sentences from a Continuous Space (Bowman et al., 2016), section 3.2
        | https://arxiv.org/abs/1511.06349

    Arguments:
        x: The tokens, with shape (B, T).
        rate: The probability of a replacement.
        replacement: The token that stands in, usually the unknown word.
        keep: A token that is never replaced, usually ``<s>``.

    Returns:
        The tokens, with shape (B, T).
    """
    dropped = torch.rand(x.shape, device=x.device) < rate
    return x.masked_fill(dropped & (x != keep), replacement)
