"""How latents hold factors that are known, as those of the embedded grammar are."""

__all__ = ["DCI", "dci", "information_gaps", "probe_factors", "shared_information"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BINS = 20
"""The bins of a latent dimension, each with as many sentences."""

TREES = 50

Factors = Mapping[str, Sequence[str]]
"""The value of each factor in each of N sentences."""


@dataclass(frozen=True)
class DCI:
    """How the dimensions of a latent share the factors out among them, each from 0 to 1.

    Arguments:
        disentanglement: Whether a dimension serves one factor alone; those that serve more count
            for more.
        completeness: Whether a factor lives in one dimension alone.
        informativeness: The share of values that are told right on sentences held out.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def shared_information(z: np.ndarray, factors: Factors) -> np.ndarray:
    r"""What each dimension tells of each factor, :math:`I(z_d; v) / H(v)`.

    Dimensions are cut into bins that hold equally many sentences, which biases every entry upwards
    by some hundredths at a thousand sentences.

    Arguments:
        z: The latents, with shape (N, D).
        factors: The F factors; one that never varies shares nothing.

    Returns:
        Shares from 0 to 1, with shape (D, F).
    """
    from sklearn.metrics import mutual_info_score

    columns = [binned(column) for column in np.asarray(z).T]
    found = np.zeros((len(columns), len(factors)))
    for j, values in enumerate(factors.values()):
        whole = mutual_info_score(values, values)  # the entropy
        if whole > 0:
            found[:, j] = [mutual_info_score(values, column) / whole for column in columns]
    return found


def binned(column: np.ndarray) -> np.ndarray:
    """The bin of each value; equal values share one."""
    edges = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.digitize(column, edges)


def information_gaps(z: np.ndarray, factors: Factors) -> dict[str, float]:
    r"""The mutual information gap (MIG) of each factor.

    .. math:: \frac{1}{H(v)} \left( I(z_{(1)}; v) - I(z_{(2)}; v) \right)

    with :math:`z_{(1)}` and :math:`z_{(2)}` the two dimensions that tell most of v. It means what
    it says where factors are independent of each other.

    References:
        | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018)
        | https://arxiv.org/abs/1802.04942

    Arguments:
        z: The latents, with shape (N, D), D at least 2.
        factors: The factors.

    Raises:
        ValueError: If there is only one dimension.
    """
    if z.shape[1] < 2:
        raise ValueError(f"A gap needs 'z' of at least 2 dimensions, got {z.shape[1]}.")
    ranked = np.sort(shared_information(z, factors), axis=0)  # (D, F)
    return dict(zip(factors, (ranked[-1] - ranked[-2]).tolist(), strict=True))


def dci(z: np.ndarray, factors: Factors, seed: int = 0) -> DCI:
    r"""Disentanglement, completeness and informativeness.

    With :math:`R_{df}` the importance of dimension d for a forest that tells factor f, the first
    is one minus the entropy of a row of R, weighted by the row's sum, the second the same of
    columns; both in units of the largest entropy there can be.

    References:
        | A Framework for the Quantitative Evaluation of Disentangled Representations
        | (Eastwood & Williams, 2018) https://openreview.net/forum?id=By-7dz-AZ

    Arguments:
        z: The latents, with shape (N, D).
        factors: The F factors, at least two.
        seed: The seed of the forests, and of the half that is held out.
    """
    from sklearn.ensemble import RandomForestClassifier

    train, test = halves(len(z), seed)
    importance, right = np.zeros((z.shape[1], len(factors))), []
    for j, values in enumerate(map(np.asarray, factors.values())):
        # All dimensions at each split: among a few, one that says nothing is the best at times.
        forest = RandomForestClassifier(TREES, max_features=None, random_state=seed)
        forest.fit(z[train], values[train])
        importance[:, j] = forest.feature_importances_
        right.append(forest.score(z[test], values[test]))
    return DCI(
        disentanglement=concentration(importance),
        completeness=concentration(importance.T),
        informativeness=float(np.mean(right)),
    )


def concentration(importance: np.ndarray) -> float:
    """One minus the normalised entropy of each row, weighted by its sum; 0 where all are 0."""
    weights = importance.sum(axis=1)
    if importance.shape[1] < 2 or weights.sum() == 0:
        return 0.0
    rows = importance[weights > 0] / weights[weights > 0, None]
    entropy = -np.sum(rows * np.log(np.where(rows > 0, rows, 1)), axis=1)
    scores = 1 - entropy / np.log(importance.shape[1])
    return float(np.average(scores, weights=weights[weights > 0]))


def probe_factors(
    z: np.ndarray, factors: Factors, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """How well a linear classifier tells each factor from the latents.

    Arguments:
        z: The latents, with shape (N, D).
        factors: The factors.
        seed: The seed of the half that is held out.

    Returns:
        For each factor the accuracy on sentences held out, and that of always naming the value
        that is most frequent among the others.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = halves(len(z), seed)
    found = {}
    for name, values in factors.items():
        values = np.asarray(values)
        known, counts = np.unique(values[train], return_counts=True)
        chance = float(np.mean(values[test] == known[counts.argmax()]))
        if len(known) == 1:
            found[name] = (chance, chance)
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        found[name] = (
            float(model.fit(z[train], values[train]).score(z[test], values[test])),
            chance,
        )
    return found


def halves(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions of two halves of a set, drawn by a seed."""
    order = np.random.default_rng(seed).permutation(size)
    return order[: size // 2], order[size // 2 :]
