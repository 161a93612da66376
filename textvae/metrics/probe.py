"""How much of a label a linear classifier reads off vectors, by the number of labelled ones."""

__all__ = ["SIZES", "Probed", "probe"]

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from ..errors import UsageError

SIZES = (10, 30, 100, 300, 1_000, 3_000, 10_000)
"""The numbers of labelled sentences, as far as there are so many."""

HELD_OUT = 0.25
"""The share of the different sentences that is only for the test."""

DRAWS = 5
"""A handful of labelled sentences says little by itself: the mean of so many draws of them."""


@dataclass(frozen=True)
class Probed:
    """What a probe found.

    Arguments:
        accuracy: For each number of labelled sentences, the mean accuracy over five draws.
        chance: The accuracy of always naming the most frequent label.
        held_out: How many sentences the accuracy is on.
    """

    accuracy: dict[int, float]
    chance: float
    held_out: int


def probe(
    features: np.ndarray,
    labels: Sequence,
    texts: Sequence[str],
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
) -> Probed:
    """The accuracy of logistic regression, on sentences held out.

    Vectors are standardised and the classes of each draw have the shares that they have in all. A
    quarter of the different sentences of each class, the same for all sizes, is held out with
    their repetitions, so that none of them is learned from; sizes over the rest are left out.

    Arguments:
        features: The vectors, with shape (N, D).
        labels: The label of each.
        texts: The sentence of each, which tells repetitions.
        sizes: The numbers of sentences to learn from.
        seed: The seed of what is held out and what is drawn.

    Raises:
        UsageError: If there are too few labels to tell apart, or sentences to learn from.
    """
    # Here, because the import takes a second.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names, classes = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        told = f", and all are {names[0]}" if len(names) else ""
        raise UsageError(f"a probe takes at least two different labels{told}")
    is_test = _held_out(texts, classes, names, seed)
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
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
    return Probed(found, float(np.bincount(classes).max() / len(classes)), len(test))


def _held_out(
    texts: Sequence[str], classes: np.ndarray, names: np.ndarray, seed: int
) -> np.ndarray:
    """Where sentences are held out, with shape (N,): by their own hash, repetitions together."""
    different, first, which = np.unique(
        np.asarray(list(texts), dtype=object), return_index=True, return_inverse=True
    )
    hashes = [blake2b(f"{seed} {text}".encode()).digest() for text in different]
    order = np.array(sorted(range(len(different)), key=hashes.__getitem__))
    label = classes[first]  # where a sentence has several, its first
    held = np.zeros(len(different), dtype=bool)
    for name in range(classes.max() + 1):
        members = order[label[order] == name]
        if len(members) < 4:
            raise UsageError(
                f"a probe takes at least 4 different sentences of each label, and {names[name]} "
                f"has {len(members)}; leave such labels out, or take another column"
            )
        held[members[: round(HELD_OUT * len(members))]] = True
    return held[which]


def _drawn(
    rows: np.ndarray, classes: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """So many rows, at least one of each class, the others in proportion."""
    rows = rng.permutation(rows)
    _, first = np.unique(classes[rows], return_index=True)
    rest = np.setdiff1d(np.arange(len(rows)), first)
    rest = rng.permutation(rest)[: size - len(first)]
    return rows[np.concatenate([first, rest])]
