"""The sentences whose latents are nearest."""

__all__ = ["INDEXES", "Neighbour", "neighbors"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ..api import TextVAE
from ..errors import UsageError
from .space import is_sphere

INDEXES = Literal["exact", "hnsw"]

CHUNK = 16_384
"""The latents that are compared at once."""


@dataclass(frozen=True)
class Neighbour:
    """A sentence near another.

    Arguments:
        text: The sentence.
        distance: How far its latent is: Euclidean; on a sphere the angle in radians.
        position: Where it stands among those searched, from 0.
    """

    text: str
    distance: float
    position: int


def neighbors(
    vae: TextVAE,
    queries: Sequence[str],
    texts: Sequence[str],
    top: int = 5,
    index: INDEXES = "exact",
    labels: Sequence[str] | None = None,
) -> list[list[Neighbour]]:
    """The sentences nearest to each query, nearest first.

    Arguments:
        vae: The model.
        queries: The sentences to start from.
        texts: The sentences to search.
        top: How many to find for each.
        index: exact compares with all of them; hnsw asks a graph (by faiss), which misses a few
            and pays from some hundred thousand sentences on.
        labels: The labels of those to search, where a conditional model was given the queries'.

    References:
        | Efficient and robust approximate nearest neighbor search using Hierarchical Navigable
        | Small World graphs (Malkov & Yashunin, 2018)
        | https://arxiv.org/abs/1603.09320
    """
    if index not in get_args(INDEXES):
        raise UsageError(f"'index' must be one of {', '.join(get_args(INDEXES))}, got '{index}'")
    z, corpus = vae.encode(queries).cpu(), vae.encode(texts, vae.wanted(labels)).cpu()
    top = min(top, len(texts))
    distances, positions = (_exact if index == "exact" else _hnsw)(z, corpus, top)
    if is_sphere(vae):
        distances = 2 * (distances / 2).clamp(max=1).asin()  # from a chord to its angle
    return [
        [Neighbour(texts[i], d, i) for d, i in zip(*row, strict=True) if i >= 0]
        for row in zip(distances.tolist(), positions.tolist(), strict=True)
    ]


def _exact(z: Tensor, corpus: Tensor, top: int) -> tuple[Tensor, Tensor]:
    """The least distances and where they are, each with shape (Q, top), in bounded memory."""
    best = torch.empty(len(z), 0)
    where = torch.empty(len(z), 0, dtype=torch.long)
    for start in range(0, len(corpus), CHUNK):
        part = corpus[start : start + CHUNK]
        # Differences, and not products, which lose digits where two points are close.
        distances = torch.cdist(z, part, compute_mode="donot_use_mm_for_euclid_dist")
        places = torch.arange(start, start + len(part)).expand_as(distances)
        best, where = torch.cat([best, distances], 1), torch.cat([where, places], 1)
        best, order = best.topk(min(top, best.shape[1]), largest=False)
        where = where.gather(1, order)
    return best, where


def _hnsw(z: Tensor, corpus: Tensor, top: int) -> tuple[Tensor, Tensor]:
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise UsageError(
            "the index hnsw needs faiss: pip install 'textvae[search]'; exact needs nothing"
        ) from error
    graph = faiss.IndexHNSWFlat(corpus.shape[1], 32)
    graph.hnsw.efSearch = max(64, 2 * top)
    graph.add(corpus.numpy())
    squares, positions = graph.search(z.numpy(), top)
    # Where it finds too few, the position is -1.
    return torch.from_numpy(squares).clamp(min=0).sqrt(), torch.from_numpy(positions)
