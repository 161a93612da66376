"""How much of a label a linear classifier reads off vectors, by the number of labelled ones."""

__all__ = ["SIZES", "chance", "probe"]

from collections.abc import Sequence

import numpy as np

from ..errors import UsageError

SIZES = (10, 30, 100, 300, 1_000, 3_000, 10_000)
"""The numbers of labelled sentences, as far as there are so many."""

HELD_OUT = 0.25
"""The share of the sentences that is only for the test."""

DRAWS = 5
"""A handful of labelled sentences says little by itself: the mean of so many draws of them."""


def probe(
    features: np.ndarray, labels: Sequence, sizes: Sequence[int] = SIZES, seed: int = 0
) -> dict[int, float]:
    """The accuracy of logistic regression, on sentences held out.

    Vectors are standardised and the classes of each draw have the shares that they have in all. A
    quarter of the sentences, the same for all sizes, is held out; sizes over the rest are left
    out.

    Arguments:
        features: The vectors, with shape (N, D).
        labels: The label of each.
        sizes: The numbers of sentences to learn from.
        seed: The seed of what is held out and what is drawn.

    Returns:
        For each size the mean accuracy over five draws.

    Raises:
        UsageError: If there are too few labels to tell apart, or sentences to learn from.
    """
    # Here, because the import takes a second.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names, classes = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        raise UsageError("a probe takes at least two different labels")
    rare = np.bincount(classes).min()
    if rare < 4:
        raise UsageError(f"a probe takes at least 4 sentences of each label, one has {rare}")
    train, test = train_test_split(
        np.arange(len(classes)), test_size=HELD_OUT, random_state=seed, stratify=classes
    )
    found = {}
    for size in (size for size in sizes if len(names) <= size <= len(train)):
        scores = []
        for draw in range(DRAWS if size < len(train) else 1):
            chosen = _drawn(train, classes, size, np.random.default_rng((seed, size, draw)))
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            model.fit(features[chosen], classes[chosen])
            scores.append(model.score(features[test], classes[test]))
        found[size] = float(np.mean(scores))
    if not found:
        raise UsageError(f"{len(train)} sentences are too few for a probe of {min(sizes)}")
    return found


def chance(labels: Sequence) -> float:
    """The accuracy of always naming the most frequent label."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(counts.max() / counts.sum())


def _drawn(
    rows: np.ndarray, classes: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """So many rows, at least one of each class, the others in proportion."""
    rows = rng.permutation(rows)
    _, first = np.unique(classes[rows], return_index=True)
    rest = np.setdiff1d(np.arange(len(rows)), first)
    rest = rng.permutation(rest)[: size - len(first)]
    return rows[np.concatenate([first, rest])]
