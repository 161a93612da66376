"""Means over sentences, with their standard errors."""

__all__ = ["Numbers", "mean", "perplexity", "ratio"]

from typing import Any

import torch
from torch import Tensor

Numbers = dict[str, tuple[Any, float | None]]
"""Each number under its name, with its standard error where it has one."""


def mean(values: Tensor) -> tuple[float, float | None]:
    """The mean of N values, and its standard error if there are at least two."""
    values = values.double()
    error = values.std() / len(values) ** 0.5 if len(values) > 1 else None
    return values.mean().item(), None if error is None else error.item()


def ratio(values: Tensor, counts: Tensor) -> tuple[float, float | None]:
    """The sum of N values over that of their counts, with the error of a ratio of means."""
    values, counts = values.double().cpu(), counts.double()
    total = (values.sum() / counts.sum()).item()
    error = mean(values - total * counts)[1]
    return total, None if error is None else error / counts.mean().item()


def perplexity(nll: Tensor, counts: Tensor) -> tuple[float, float | None]:
    """exp(total nll / total count), with the error that first-order propagation gives it."""
    rate, error = ratio(nll, counts)
    value = torch.tensor(rate, dtype=torch.double).exp().item()  # inf, where math.exp raises
    return value, None if error is None else value * error
