"""The labels of a conditional model."""

__all__ = ["Label", "Labels", "check_counts", "numbered"]

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Independent, Normal

from .component import Component
from .errors import UsageError, some

LEAST_SCALE = 1e-4
"""The floor of a learnt standard deviation: a prior that is a point would have no density."""

Label = str | Sequence[str] | None
"""The label of all sentences, or of each. A conditional model needs it; for another it is None."""


def check_counts(sentences: int, labels: int) -> None:
    """
    Raises:
        UsageError: If there are not as many labels as sentences.
    """
    if sentences != labels:
        raise UsageError(
            f"{sentences} sentences and {labels} labels; the first without its other is "
            f"number {min(sentences, labels) + 1}"
        )


class Labels(Component, nn.Module):
    r"""The labels that a conditional model knows, and on demand a prior of each.

    The model is :math:`p(x \mid y) = \int p(x \mid z, y) \, p(z \mid y) \, dz` with
    :math:`q(z \mid x, y)`. A label enters as a vector of zeros with a one in its place, which
    stands beside the features h(x) before the posterior, and beside z before the decoder: the
    first linear layer of each learns what the label means. The prior p(z | y) is that of the model
    for all labels, or, on demand, :math:`\mathcal{N}(\mu_y, \sigma_y^2 I)` with a learnt mean and
    standard deviation of each dimension, which start at 0 and 1.

    References:
        | Learning Structured Output Representation using Deep Conditional Generative Models
        | (Sohn et al., 2015)
        | https://papers.nips.cc/paper/5775

    Arguments:
        names: The labels, in the order of their numbers.
        latent_dim: The number of latent dimensions; 0 for a language model, which has no prior.
        prior: Whether each label has a prior of its own; needs a posterior over R^D.

    Raises:
        ValueError: If there are fewer than two labels, or one stands there twice.
    """

    def __init__(self, names: Sequence[str], latent_dim: int, prior: bool = False) -> None:
        super().__init__()

        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError(f"'names' must be at least 2 different labels, got {names}.")

        self.names = list(names)
        self.loc = self.log_scale = None
        if prior and latent_dim > 0:
            self.loc = nn.Parameter(torch.zeros(len(names), latent_dim))
            self.log_scale = nn.Parameter(torch.zeros(len(names), latent_dim))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def has_prior(self) -> bool:
        """Whether each label has a prior of its own."""
        return self.loc is not None

    def forward(self, label: Tensor) -> Tensor:
        """
        Arguments:
            label: The numbers of labels, with shape (B,).

        Returns:
            What encoder and decoder are told, with shape (B, number of labels).
        """
        return F.one_hot(label, len(self.names)).float()

    def prior(self, label: Tensor) -> Independent:
        """p(z | y) of labels of shape (B,), with batch shape (B,) and event shape (D,)."""
        scale = self.log_scale[label].exp().clamp(min=LEAST_SCALE)

        return Independent(Normal(self.loc[label], scale, validate_args=False), 1)

    def numbers(self, labels: Sequence[str]) -> list[int]:
        """The numbers of labels.

        Raises:
            UsageError: If one was not there in training.
        """
        known = {name: number for number, name in enumerate(self.names)}
        for label in labels:
            if label not in known:
                raise UsageError(f"training had no label {label}; it had: {some(self.names)}")
        return [known[label] for label in labels]


def numbered(known: Labels | None, count: int, label: Label) -> list[int] | None:
    """The numbers of the labels of `count` sentences; None for a model that takes no labels.

    Raises:
        UsageError: If they are not such as the model takes.
    """
    if known is None:
        if label is not None:
            raise UsageError(
                "the model takes no label: it was trained without, which --config conditional of "
                "textvae train changes"
            )
        return None
    if label is None:
        raise UsageError(
            "a conditional model needs the label of each sentence: name one of "
            f"{some(known.names)}"
        )
    labels = [label] * count if isinstance(label, str) else list(label)
    check_counts(count, len(labels))
    return known.numbers(labels)
