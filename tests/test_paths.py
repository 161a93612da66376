"""Scores of interpolations, beside hand-made ones and an edit distance by definition."""

from functools import cache

import pytest
import torch

from textvae.metrics.paths import PathScore, edit_distance, score_path


def nll(lines: list[str]) -> torch.Tensor:
    """A language model for which a word costs its length in nats, and an end costs one."""
    return torch.tensor([float(len(line.replace(" ", "")) + 1) for line in lines])


def test_a_smooth_path_is_monotone_and_a_detour_is_not() -> None:
    smooth = ["a b c", "a b d", "a e d", "f e d"]
    assert score_path(smooth, None) == PathScore(None, 4, 1.0, None)
    detour = ["a b c", "x y z", "a b c", "f e d"]
    assert score_path(detour, None) == PathScore(None, 3, 2 / 3, None)
    jump = ["a b c", "a b c", "f e d", "f e d"]
    assert score_path(jump, None) == PathScore(None, 2, 1.0, None)


def test_fluency_is_of_the_lines_between_and_the_midpoint_is_beside_the_ends() -> None:
    found = score_path(["a b", "aa bbb c", "a b"], nll)
    assert found.fluency == pytest.approx(7 / 4)
    assert found.midpoint == pytest.approx(7 / 4 - 1)
    # First away from the last line, then back to the first.
    assert found.monotone == 0 and found.distinct == 2
    assert score_path(["a b", "c d"], nll) == PathScore(None, 2, 1.0, None)


def test_text_without_spaces_goes_by_characters() -> None:
    assert score_path(["春眠", "春風", "東風"], nll) == PathScore(1.0, 3, 1.0, 0.0)


def test_one_line_is_no_path() -> None:
    with pytest.raises(ValueError, match="'lines' must be at least 2, for both ends, got 1"):
        score_path(["a"], None)


@cache
def by_definition(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    return min(
        by_definition(a[1:], b) + 1,
        by_definition(a, b[1:]) + 1,
        by_definition(a[1:], b[1:]) + (a[0] != b[0]),
    )


def test_edit_distances_are_those_of_the_definition() -> None:
    words = ["", "a", "ab", "ba", "abcd", "bcda", "dcba", "aabb", "kitten", "sitting"]
    for a in words:
        for b in words:
            assert edit_distance(a, b) == by_definition(a, b) == edit_distance(b, a)
