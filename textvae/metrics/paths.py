"""How good a way from one sentence to another is."""

__all__ = ["PathScore", "edit_distance", "score_path"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from .reconstruction import is_spaced


@dataclass(frozen=True)
class PathScore:
    """What a way from one sentence to another is worth.

    No number says it alone: a jump in the middle is monotone, and a walk through unrelated
    sentences is fluent.

    Arguments:
        fluency: The nats per word of the lines between the ends, each end of sentence counted as
            one; less is better. None without a language model, or where nothing is between.
        distinct: How many different lines there are.
        monotone: The share of steps that go neither back towards the first line nor away from
            the last, by edit distance in words; more is better.
        midpoint: The nats per word of the middle line beyond those of the two ends; 0 where the
            middle is as fluent as they are. None as for `fluency`.
    """

    fluency: float | None
    distinct: int
    monotone: float
    midpoint: float | None


def score_path(
    lines: Sequence[str],
    nll: Callable[[Sequence[str]], Tensor] | None,
    spaced: bool | None = None,
) -> PathScore:
    """Scores the lines of an interpolation. Words are characters where text is not spaced.

    Arguments:
        lines: At least 2 sentences, both ends included.
        nll: From N sentences to their negative log-likelihood in nats, with shape (N,), under a
            language model; None leaves out what needs one.
        spaced: Whether spaces separate words; None finds out from the lines, which may be too
            short to tell.

    Raises:
        ValueError: If there are fewer than 2 lines.
    """
    if len(lines) < 2:
        raise ValueError(f"'lines' must be at least 2, for both ends, got {len(lines)}.")

    spaced = is_spaced(lines) if spaced is None else spaced
    words = [line.split() if spaced else list(line) for line in lines]
    fluency = midpoint = None
    if nll is not None and len(lines) > 2:
        nats = nll(lines).double().tolist()
        sizes = [len(line) + 1 for line in words]
        rates = [value / size for value, size in zip(nats, sizes, strict=True)]
        fluency = sum(nats[1:-1]) / sum(sizes[1:-1])
        midpoint = rates[len(lines) // 2] - (rates[0] + rates[-1]) / 2
    return PathScore(fluency, len(set(lines)), _monotone(words), midpoint)


def _monotone(words: Sequence[Sequence[str]]) -> float:
    away = [edit_distance(words[0], line) for line in words]
    left = [edit_distance(line, words[-1]) for line in words]
    steps = range(1, len(words))
    return sum(away[i] >= away[i - 1] and left[i] <= left[i - 1] for i in steps) / len(steps)


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """The fewest insertions, deletions and substitutions that turn `a` into `b`.

    References:
        | The String-to-String Correction Problem (Wagner & Fischer, 1974)
        | https://doi.org/10.1145/321796.321811
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
            diagonal, row[j] = row[j], best
    return row[-1]
