"""A way between two latents that stays where the sentences of a corpus are."""

__all__ = ["follow", "followed"]

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..api import TextVAE
from ..decoding import STRATEGIES
from ..errors import UsageError
from ..interpolation import PATHS, lerp, slerp

MOST = 5000
"""The sentences that are followed, evenly spaced where there are more: a graph of them is made."""


def follow(
    vae: TextVAE,
    start: str,
    end: str,
    texts: Sequence[str],
    steps: int = 7,
    strategy: STRATEGIES = "greedy",
    labels: Sequence[str] | None = None,
    **options: Any,
) -> list[str]:
    """Writes the sentences on the way from one to another that keeps to where others are.

    Arguments:
        vae: The model.
        start: The sentence to start from.
        end: The sentence to end at.
        texts: The sentences whose latents are followed, training text as a rule and at least one;
            5,000 of them, evenly spaced, where there are more.
        steps: How many sentences to write, at least 2, both ends included, decoded too.
        strategy: greedy, beam or sample.
        labels: The labels of `texts`, where a conditional model was given that of the ends.
        options: Those of :meth:`textvae.TextVAE.decode`.

    Raises:
        UsageError: If they do not lead from one to the other.
    """
    distinct = list(dict(zip(texts, labels or texts, strict=True)).items())
    some, theirs = zip(*distinct[:: max(1, math.ceil(len(distinct) / MOST))], strict=True)
    corpus = vae.encode(some, vae.wanted(theirs if labels else None))
    z_start, z_end = vae.encode([start, end])
    points = followed(z_start, z_end, corpus, steps, vae.vae.prior.path)
    return vae.decode(points, strategy, **options)


def followed(
    start: Tensor, end: Tensor, corpus: Tensor, steps: int, kind: PATHS, neighbours: int = 10
) -> Tensor:
    r"""Points on a way that follows the aggregate posterior, at equal distances from each other.

    The way is the shortest through a graph in which each latent of the corpus, and both ends, know
    their nearest neighbours. An edge costs its length squared, so that many short steps through a
    dense region beat one leap over an empty one.

    References:
        | A Global Geometric Framework for Nonlinear Dimensionality Reduction (Tenenbaum et al.,
        | 2000), the graph
        | https://doi.org/10.1126/science.290.5500.2319

    Arguments:
        start: The first point, with shape (D,).
        end: The last point, with shape (D,).
        corpus: The latents of sentences, with shape (N, D).
        steps: How many points, at least 2, both ends included.
        kind: How two neighbours are joined: linear or spherical.
        neighbours: How many each latent knows.

    Returns:
        The points, with shape (steps, D), exact at both ends.

    Raises:
        UsageError: If `steps` is below 2, or the graph has no way between the ends.
    """
    if steps < 2:
        raise UsageError(f"'steps' must be at least 2, for both ends, got {steps}")
    # Here, because nothing else needs them.
    from scipy.sparse.csgraph import dijkstra
    from sklearn.neighbors import kneighbors_graph

    nodes = torch.cat([start[None], end[None], corpus.to(start)])
    count = min(neighbours, len(nodes) - 1)
    graph = kneighbors_graph(nodes.cpu().numpy(), count, mode="distance")
    graph.data **= 2
    _, before = dijkstra(graph, directed=False, indices=0, return_predecessors=True)
    if before[1] < 0:
        raise UsageError(
            f"no way through {len(corpus):,} sentences joins the two; give more sentences"
        )
    route = [1]
    while route[-1] != 0:
        route.append(int(before[route[-1]]))
    return _resampled(nodes[route[::-1]], steps, kind)


def _resampled(points: Tensor, steps: int, kind: PATHS) -> Tensor:
    """Points at equal distances on the way that joins some points."""
    lengths = (points[1:] - points[:-1]).norm(dim=1).double().cpu().numpy()
    places = np.concatenate([[0.0], lengths.cumsum()])
    join, found = (slerp if kind == "spherical" else lerp), []
    for place in np.linspace(0, places[-1], steps):
        i = int(np.clip(np.searchsorted(places, place) - 1, 0, len(lengths) - 1))
        share = (place - places[i]) / lengths[i] if lengths[i] > 0 else 0.0
        weight = torch.tensor([share], dtype=points.dtype, device=points.device)
        found.append(join(points[i], points[i + 1], weight)[0])
    return torch.stack([points[0], *found[1:-1], points[-1]])
