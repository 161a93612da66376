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

    Arguments:
        rate: The probability, at least 0 and under 1.

    Raises:
        ValueError: If it is not.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()

        if not 0 <= rate < 1:
            raise ValueError(f"A dropout rate must be at least 0 and under 1, got {rate}.")

        self.rate = rate

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return self.training and self.rate > 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.active:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.rate)
        threshold = min(255, round(256 * self.rate))
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64)
        words.random_(-(2**63), 2**63 - 1)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
        return x * kept.to(x.dtype).mul_(256 / (256 - threshold))

    def extra_repr(self) -> str:
        return f"rate={self.rate}"
