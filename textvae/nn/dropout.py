"""Dropout that costs little on a processor."""

__all__ = ["Dropout"]

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class Dropout(nn.Module):
    """Zeroes each number with a probability, in training, and scales up the others.

    PyTorch draws one Bernoulli number after the other on a processor, which costs as much there as
    a matrix product. Here eight come from one random word, as bytes below a threshold, so that the
    rate is rounded to a multiple of 1/256; the scale fits the rounded rate.

    References:
        | A Theoretically Grounded Application of Dropout in Recurrent Neural Networks (Gal and
          Ghahramani, 2016), of what is dropped at every position alike
        | https://arxiv.org/abs/1512.05287

    Arguments:
        rate: The probability, at least 0 and under 1.
        locked: Whether the same numbers are dropped along the second dimension, which is the
            positions of sentences of shape (B, T, E).

    Raises:
        ValueError: If the rate is not.
    """

    def __init__(self, rate: float, locked: bool = False) -> None:
        super().__init__()

        if not 0 <= rate < 1:
            raise ValueError(f"A dropout rate must be at least 0 and under 1, got {rate}.")

        self.rate = rate
        self.locked = locked

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return self.training and self.rate > 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.active:
            return x
        if x.device.type != "cpu":
            if self.locked:
                return x * F.dropout(torch.ones_like(x[:, :1]), self.rate)
            return F.dropout(x, self.rate)
        shape = x[:, :1].shape if self.locked else x.shape
        threshold = min(255, round(256 * self.rate))
        words = torch.empty(-(-shape.numel() // 8), dtype=torch.int64)
        words.random_(-(2**63), 2**63 - 1)
        kept = words.view(torch.uint8)[: shape.numel()].view(shape) >= threshold
        return x * kept.to(x.dtype).mul_(256 / (256 - threshold))

    def extra_repr(self) -> str:
        return f"rate={self.rate}, locked={self.locked}"
