"""A concentration that is fixed, learned, or read off the features."""

__all__ = ["SCOPES", "Concentration"]

import math
from typing import Literal

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from .precision import at_least_float32

SCOPES = Literal["fixed", "global", "sentence"]


class Concentration(nn.Module):
    r"""The concentration of a posterior on a sphere.

    Where it is learned,

    .. math:: k = k_\text{min} + (k_0 - k_\text{min}) \operatorname{softplus}(a) / \log 2

    with a = 0 at the start, where k is that of the configuration. It never falls below the least
    one, so that the divergence keeps a floor whatever is learned.

    Arguments:
        in_features: The size of the features.
        start: The concentration, finite and at least 0: all of training, or where it starts.
        minimum: The least concentration that can be learned, at least 0.
        scope: fixed, global for one learned number, or sentence for one read off the features.

    Raises:
        ValueError: If a number is impossible, or a learned one would start at its floor.
    """

    def __init__(self, in_features: int, start: float, minimum: float, scope: SCOPES) -> None:
        super().__init__()

        for name, value in (("concentration", start), ("min_concentration", minimum)):
            if not 0 <= value < math.inf:
                raise ValueError(f"'{name}' must be finite and at least 0, got {value}.")
        if scope not in ("fixed", "global", "sentence"):
            raise ValueError(f"'scope' must be fixed, global or sentence, got {scope!r}.")
        if scope != "fixed" and not start > minimum:
            raise ValueError(
                f"'concentration' must be above 'min_concentration' where it is learned, got "
                f"{start} and {minimum}."
            )

        self.start = start
        self.minimum = start if scope == "fixed" else minimum
        self.scope = scope
        if scope == "global":
            self.free = nn.Parameter(torch.zeros(()))
        elif scope == "sentence":
            self.project = nn.Linear(in_features, 1)
            nn.init.zeros_(self.project.bias)

    def forward(self, h: Tensor) -> Tensor | float:
        """
        Arguments:
            h: The features, with shape (B, H).

        Returns:
            A number where it is fixed, else a tensor with shape () or (B,).
        """
        if self.scope == "fixed":
            return self.start
        free = self.free if self.scope == "global" else self.project(h).squeeze(-1)
        grown = F.softplus(at_least_float32(free)) / math.log(2)
        return self.minimum + (self.start - self.minimum) * grown
