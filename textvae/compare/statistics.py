"""Means over seeds, and differences between methods that saw the same seeds."""

__all__ = ["Difference", "Spread", "paired", "spread", "unpaired"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
"""How often an interval covers the truth."""


@dataclass(frozen=True)
class Spread:
    """A number over the seeds.

    Arguments:
        mean: Its mean.
        sd: Its standard deviation, or None of a single seed.
        n: How many seeds.
        error: The standard error of the mean: that over the sentences of the test split, which
            all seeds share, and that over seeds, as independent parts; None where neither is
            known.
    """

    mean: float
    sd: float | None
    n: int
    error: float | None


@dataclass(frozen=True)
class Difference:
    """What one method has more of than another.

    Arguments:
        mean: The difference.
        low: The lower end of its 95 % interval, or None where nothing is known.
        high: The upper end.
        n: How many of what the interval is over.
        over: What it is over: seeds, or the sentences of a single seed.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    over: str

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and not self.low <= 0 <= self.high


def spread(values: Sequence[float], errors: Sequence[float | None] = ()) -> Spread:
    """A number over the seeds.

    Arguments:
        values: One for each seed, at least one.
        errors: Their standard errors over the sentences.
    """
    n = len(values)
    sd = float(np.std(values, ddof=1)) if n > 1 else None
    known = [error for error in errors if error is not None]
    parts = ([sd**2 / n] if sd is not None else []) + ([np.mean(known) ** 2] if known else [])
    return Spread(float(np.mean(values)), sd, n, math.sqrt(sum(parts)) if parts else None)


def paired(a: Sequence[float], b: Sequence[float], over: str = "seeds") -> Difference:
    """What `a` has more of than `b`, pair by pair, with Student's interval.

    What a seed does to both methods, such as the order of the batches, cancels; and so does that
    a sentence is hard.

    Arguments:
        a: One number for each seed, or for each sentence of one seed; at least two.
        b: The other method's, for the same in the same order.
        over: Which of the two: seeds or sentences.
    """
    gaps = np.subtract(a, b)
    mean, n = float(gaps.mean()), len(gaps)
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * gaps.std(ddof=1) / math.sqrt(n)
    return Difference(mean, mean - float(half), mean + float(half), n, over)


def unpaired(a: float, b: float, error_a: float | None, error_b: float | None) -> Difference:
    """What one run has more of than another, by the errors of both over sentences.

    For numbers that single sentences do not have. It is too wide rather than too narrow where
    sentences that are hard for one are hard for the other.
    """
    if error_a is None or error_b is None:
        return Difference(a - b, None, None, 1, "sentences")
    half = float(stats.norm.ppf((1 + LEVEL) / 2)) * math.hypot(error_a, error_b)
    return Difference(a - b, a - b - half, a - b + half, 1, "sentences")
