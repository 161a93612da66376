"""Word dropout: hide words from the decoder, so that it has to ask z."""

__all__ = ["word_dropout"]

import torch
from torch import Tensor


def word_dropout(x: Tensor, rate: float, replacement: int, keep: int) -> Tensor:
    r"""Replaces each token, with probability `rate`, by `replacement`.

    The decoder then writes the true tokens after a prefix with holes,

    .. math:: \log p(x \mid z, \tilde x) = \sum_t \log p(x_t \mid \tilde x_{<t}, z), \qquad
        \tilde x_t = \begin{cases} \text{replacement} & \text{with probability } r \\
        x_t & \text{otherwise} \end{cases}

    in nats per sentence, with :math:`r` the rate, a share of the tokens from 0 to 1.

    References:
        | Generating Sentences from a Continuous Space (Bowman et al., 2016), section 3.2
        | https://arxiv.org/abs/1511.06349

    Arguments:
        x: The tokens, with shape (B, T).
        rate: The probability r of a replacement, between 0 and 1.
        replacement: The token that stands in, usually the unknown word.
        keep: A token that is never replaced, usually ``<s>``.

    Returns:
        The tokens, with shape (B, T).
    """
    dropped = torch.rand(x.shape, device=x.device) < rate
    return x.masked_fill(dropped & (x != keep), replacement)
