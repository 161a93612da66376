"""InfoVAE: the aggregate posterior is drawn to the prior."""

__all__ = ["MMD"]

import torch
from torch import Tensor

from ..types import Terms
from .base import Objective

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class MMD(Objective):
    r"""InfoVAE with the maximum mean discrepancy.

    .. math:: -\mathbb{E}_{q(z \mid x)} \log p(x \mid z) + (1 - \alpha) \, \mathrm{KL}(q \| p)
        + (\alpha + \lambda - 1) \, \mathrm{MMD}(q(z), p(z))

    The divergence of each sentence from the prior, which z pays for carrying information, gives
    way to that of all sentences together, which it does not. MMD is the unbiased estimate over a
    batch z of B sentences and as many draws z' of the prior,

    .. math:: \frac{1}{B (B - 1)} \sum_{i \ne j} \left( k(z_i, z_j) + k(z'_i, z'_j) \right)
        - \frac{2}{B^2} \sum_{i, j} k(z_i, z'_j),
        \qquad k(a, b) = \frac{1}{7} \sum_c \frac{c \, m}{c \, m + |a - b|^2}

    where m is the mean squared distance of two draws of the prior, and c are seven scales from
    0.1 to 10: it is a pure number between -1 and 2. The defaults are the evidence lower bound.

    References:
        | InfoVAE: Balancing Learning and Inference in Variational Autoencoders (Zhao et al., 2019)
        | https://arxiv.org/abs/1706.02262
        | Wasserstein Auto-Encoders (Tolstikhin et al., 2018), for the kernel
        | https://arxiv.org/abs/1711.01558

    Arguments:
        alpha: What share of each sentence's divergence is waived, at most 1.
        lambda_: The weight of the aggregate divergence, in nats per unit of MMD.
    """

    needs = ("p",)

    def __init__(self, alpha: float = 0.0, lambda_: float = 1.0) -> None:
        if alpha > 1:
            raise ValueError(f"'alpha' must be at most 1, got {alpha}.")
        if alpha + lambda_ < 1:
            raise ValueError(f"'lambda_' must be at least 1 - 'alpha', got {lambda_} and {alpha}.")

        self.alpha = alpha
        self.lambda_ = lambda_

    def __call__(self, terms: Terms, step: int) -> Tensor:
        loss = -terms.log_px_z.mean(dim=0) + (1 - self.alpha) * terms.kl + terms.auxiliary  # (B,)
        weight = self.alpha + self.lambda_ - 1
        if weight == 0 or terms.z.shape[1] < 2:
            return loss.mean()
        # One draw for each sentence, also where its label has a prior of its own.
        prior = terms.p.sample(terms.z.shape[: 1 if terms.p.batch_shape else 2])  # (S, B, D)
        distance = 2 * terms.p.variance.sum(dim=-1).mean()
        return loss.mean() + weight * mmd(terms.z, prior, distance).mean()


def mmd(a: Tensor, b: Tensor, distance: Tensor) -> Tensor:
    """The unbiased estimate of the squared maximum mean discrepancy, as :class:`MMD` defines it.

    Arguments:
        a: Samples, with shape (S, B, D) and B of at least 2.
        b: Other samples, with the same shape.
        distance: The squared distance that the scales are shares of.

    Returns:
        The estimate, with shape (S,).
    """
    size = a.shape[1]
    off = 1 - torch.eye(size, device=a.device, dtype=a.dtype)
    within = ((_kernel(a, a, distance) + _kernel(b, b, distance)) * off).sum(dim=(1, 2))
    return within / (size * (size - 1)) - 2 * _kernel(a, b, distance).mean(dim=(1, 2))


def _kernel(a: Tensor, b: Tensor, distance: Tensor) -> Tensor:
    """The inverse multiquadratic kernel of every pair, with shape (S, B, B)."""
    # Not cdist, whose gradient is undefined where two points coincide, as each with itself.
    squares = a.square().sum(dim=-1)[:, :, None] + b.square().sum(dim=-1)[:, None, :]
    apart = (squares - 2 * a @ b.mT).clamp(min=0)
    return sum(c * distance / (c * distance + apart) for c in SCALES) / len(SCALES)
