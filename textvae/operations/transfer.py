"""Giving sentences another label, by latent arithmetic or by a conditional model."""

__all__ = ["means", "relabel", "transfer"]

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..api import TextVAE
from ..decoding import STRATEGIES
from ..labels import check_counts
from .control import check_seen
from .space import displaced, is_sphere, unit


def transfer(
    vae: TextVAE,
    texts: Sequence[str],
    source: str,
    target: str,
    centres: Mapping[str, Tensor],
    strength: float = 1.0,
    strategy: STRATEGIES = "greedy",
    **options: Any,
) -> list[str]:
    """Moves sentences from one label towards another, by the difference of the labels' means.

    On a sphere the rotation between the two mean directions takes the place of the difference.

    References:
        | Adversarially Regularized Autoencoders (Zhao et al., 2018), offset vectors
        | https://arxiv.org/abs/1706.04223

    Arguments:
        vae: The model.
        texts: The sentences, of label `source`.
        source: Their label.
        target: The label to give them.
        centres: What :func:`means` returns.
        strength: How far to go: 1 goes as far as the means are apart.
        strategy: greedy, beam or sample.
        options: Those of :meth:`textvae.TextVAE.decode`.

    Raises:
        UsageError: If a label has never been seen.
    """
    for label in (source, target):
        check_seen(label, centres)
    start, end = centres[source], centres[target]
    sphere = is_sphere(vae)
    part = start + strength * (end - start)
    z = displaced(vae.encode(texts), start, unit(part) if sphere else part, sphere)
    return vae.decode(z, strategy, **options)


def relabel(
    vae: TextVAE,
    texts: Sequence[str],
    source: str,
    target: str,
    strategy: STRATEGIES = "greedy",
    **options: Any,
) -> list[str]:
    """Gives sentences another label by a conditional model: encoded with theirs, they are decoded
    with the other.

    Arguments:
        vae: The model, which is conditional.
        texts: The sentences, of label `source`.
        source: Their label.
        target: The label to give them.
        strategy: greedy, beam or sample.
        options: Those of :meth:`textvae.TextVAE.decode`.

    Raises:
        UsageError: If training did not know a label, or the model takes none.
    """
    return vae.decode(vae.encode(texts, source), strategy, target, **options)


def means(vae: TextVAE, texts: Sequence[str], labels: Sequence[str]) -> dict[str, Tensor]:
    """The mean latent of the sentences of each label: on a sphere, its direction.

    Raises:
        UsageError: If there are not as many labels as sentences.
    """
    check_counts(len(texts), len(labels))
    z, found = vae.encode(texts), sorted(set(labels))
    centres = {}
    for label in found:
        rows = [i for i, own in enumerate(labels) if own == label]
        mean = z[rows].mean(dim=0)
        centres[label] = unit(mean) if is_sphere(vae) else mean
    return centres
