"""What the latent space of a model holds, and whether the decoder listens to it."""

__all__ = ["equal_length_groups", "measure_latent"]

import math
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from ..estimators import active_units, derangement, label_groups, mutual_information
from .likelihood import Bounds, Scorer
from .numbers import Numbers, mean

GROUP = 32
"""The batches in which papers measure mutual information."""


def measure_latent(
    scorer: Scorer, h: Tensor, bounds: Bounds | None, seed: int
) -> tuple[Numbers, dict[str, Tensor]]:
    """The numbers of the latent space, and `z_gain` of each sentence.

    Of a conditional model they are given the label: what z tells beyond it, among the sentences
    that share it.

    Arguments:
        scorer: The model with its N sentences.
        h: Their features, with shape (N, H).
        bounds: Their divergences and a draw of each; None for an auto-encoder, whose posterior is
            a point.
        seed: The seed of the derangement.
    """
    posterior, size = scorer.vae.posterior, len(h)
    q = posterior(h)
    z = q.mode if bounds is None else bounds.z
    groups = label_groups(scorer.label, size)
    numbers: Numbers = {}
    if bounds is not None:
        batches = [part for group in groups for part in equal_length_groups(scorer.lengths, group)]
        full, within = (
            torch.cat([mutual_information(posterior(h[rows]), z[rows]) for rows in parts])
            for parts in (groups, batches)
        )
        ceiling = sum(len(group) * math.log(len(group)) for group in groups) / size
        numbers = {
            "kl": mean(bounds.kl),
            "mi_full": mean(full),
            "mi_full_ceiling": (ceiling, None),
            "mi_batch32": mean(within),
            "mi_batch32_ceiling": (math.log(GROUP), None),
        }
        if bounds.kl_per_dim is not None:
            numbers["kl_per_dim"] = (bounds.kl_per_dim.double().mean(dim=0).tolist(), None)
    if size < 2:
        return numbers, {}
    gains = scorer.gains(z, derangement(size, seed, groups))
    numbers["z_gain"] = mean(gains)
    variance = scorer.vae.prior_of(scorer.label).variance
    numbers["au"] = (active_units(q.mean, variance, groups=groups), None)
    return numbers, {"z_gain": gains}


def equal_length_groups(
    lengths: Sequence[int], positions: Sequence[int] | None = None
) -> list[list[int]]:
    """The positions of sentences, all unless they are given, in batches of at most 32 of one
    length.

    References:
        | Lagging Inference Networks and Posterior Collapse (He et al., 2019)
        | https://arxiv.org/abs/1901.05534
    """
    of_length = defaultdict(list)
    for position in range(len(lengths)) if positions is None else positions:
        of_length[lengths[position]].append(position)
    return [
        positions[start : start + GROUP]
        for positions in of_length.values()
        for start in range(0, len(positions), GROUP)
    ]
