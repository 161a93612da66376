r"""Estimators, as pure functions of tensors and distributions: nothing here knows a model.

They hold for every family of posterior, since they ask of it nothing but its log-density.
"""

__all__ = [
    "active_dimensions",
    "active_units",
    "aggregate_log_prob",
    "derangement",
    "importance_weighted",
    "label_groups",
    "mutual_information",
]

import math
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

MAX_ELEMENTS = 2**20
"""The numbers that one step of :func:`aggregate_log_prob` may hold: what a processor caches."""


def importance_weighted(log_weights: Tensor) -> Tensor:
    r"""The importance-weighted log-likelihood, :math:`\log \frac{1}{S} \sum_s w_s`.

    With :math:`w_s = p(x, z_s) / q(z_s \mid x)` its expectation is a lower bound of
    :math:`\log p(x)` that tightens as S grows.

    References:
        | Importance Weighted Autoencoders (Burda et al., 2016)
        | https://arxiv.org/abs/1509.00519

    Arguments:
        log_weights: The logarithms of the weights, with shape (S, ...). S is what was drawn.

    Returns:
        The estimates, with shape (...).
    """
    return log_weights.logsumexp(dim=0) - math.log(log_weights.shape[0])


def aggregate_log_prob(q: Distribution, z: Tensor) -> Tensor:
    r"""The log-density of the aggregate posterior, :math:`\log \frac{1}{N} \sum_j q(z \mid x_j)`.

    Memory is bounded: the latents pass in chunks, whatever their number.

    Arguments:
        q: The posteriors of all sentences, with batch shape (N,) and event shape (D,).
        z: The latents, with shape (M, D).

    Returns:
        The log-densities, with shape (M,).
    """
    size = max(1, MAX_ELEMENTS // max(1, q.batch_shape[0] * z.shape[-1]))
    pairs = (q.log_prob(part[:, None]) for part in z.split(size))  # (m, N) each
    return torch.cat([pair.logsumexp(dim=1) for pair in pairs]) - math.log(q.batch_shape[0])


def mutual_information(q: Distribution, z: Tensor) -> Tensor:
    r"""The terms of the mutual information of sentences and latents under q.

    Their mean estimates :math:`I = E[\log q(z \mid x) - \log q(z)]`. Both logarithms are taken at
    the same draw, rather than the first as an entropy in closed form: so it holds for any family,
    no term exceeds log N, and a collapsed posterior has exactly 0 instead of noise about it.

    References:
        | Lagging Inference Networks and Posterior Collapse (He et al., 2019), section 3
        | https://arxiv.org/abs/1901.05534

    Arguments:
        q: The posteriors of all sentences, with batch shape (N,) and event shape (D,).
        z: One draw of each, with shape (N, D).

    Returns:
        One term a sentence, with shape (N,), each at most log N.
    """
    return q.log_prob(z) - aggregate_log_prob(q, z)


def label_groups(label: Tensor | None, size: int) -> list[list[int]]:
    """The positions of the sentences of each label; of all `size` where there are no labels."""
    if label is None:
        return [list(range(size))]
    of_label = defaultdict(list)
    for position, number in enumerate(label.tolist()):
        of_label[number].append(position)
    return list(of_label.values())


def active_dimensions(
    means: Tensor,
    prior_variance: Tensor,
    threshold: float = 0.01,
    groups: Sequence[Sequence[int]] | None = None,
) -> Tensor:
    """Where the posterior mean varies with the sentence.

    With groups, such as the sentences of each label, it is the variance within them that counts.

    References:
        | Importance Weighted Autoencoders (Burda et al., 2016)
        | https://arxiv.org/abs/1509.00519

    Arguments:
        means: The posterior means of at least two sentences, with shape (N, D).
        prior_variance: The prior's variance in each dimension, with shape (D,) or (N, D).
        threshold: The least variance that counts, as a fraction of the prior's.
        groups: The positions in each group; None for a single one.

    Returns:
        Whether each dimension is active, with shape (D,).
    """
    scaled = means.double() / prior_variance.double().sqrt()
    rows = [scaled] if groups is None else [scaled[group] for group in groups]
    deviations = torch.cat([row - row.mean(dim=0) for row in rows])
    freedom = max(1, len(means) - len(rows))  # nothing varies where each has a group to itself
    return deviations.square().sum(dim=0) / freedom >= threshold


def active_units(
    means: Tensor,
    prior_variance: Tensor,
    threshold: float = 0.01,
    groups: Sequence[Sequence[int]] | None = None,
) -> int:
    """How many dimensions are active; see :func:`active_dimensions`."""
    return int(active_dimensions(means, prior_variance, threshold, groups).sum())


def derangement(size: int, seed: int, groups: Sequence[Sequence[int]] | None = None) -> Tensor:
    """A permutation that leaves nothing in its place, drawn uniformly among all such.

    With groups, each element goes to another's place in its group; one that is alone there stays.

    Arguments:
        size: The number of elements, at least 2.
        seed: The seed of the draw.
        groups: The positions in each group; None for a single one.

    Returns:
        Where each element goes, with shape (size,).

    Raises:
        ValueError: If there are fewer than two elements.
    """
    if groups is not None:
        places = torch.arange(size)
        for group in (torch.as_tensor(group) for group in groups if len(group) > 1):
            places[group] = group[derangement(len(group), seed)]
        return places
    if size < 2:
        raise ValueError(f"A derangement needs a 'size' of at least 2, got {size}.")

    generator = torch.Generator().manual_seed(seed)
    identity = torch.arange(size)
    # A permutation is a derangement with probability 1/e, so this takes 2.7 tries on average.
    while True:
        permutation = torch.randperm(size, generator=generator)
        if (permutation != identity).all():
            return permutation
