"""The importance-weighted bound with doubly reparametrised gradients."""

__all__ = ["DReG"]

import math

from torch import Tensor

from ..types import Terms
from .base import Objective


class DReG(Objective):
    r"""The negative importance-weighted bound, whose encoder does not drown in noise.

    Its value is that of :class:`IWAE`. With :math:`w_s = p(x, z_s) / q(z_s \mid x)` and
    :math:`\tilde w_s = w_s / \sum_r w_r`, its gradient is

    .. math::
        -\sum_s \tilde w_s \, \nabla_\theta \log w_s \quad \text{for prior and decoder}, \qquad
        -\sum_s \tilde w_s^2 \, \frac{\partial \log w_s}{\partial z_s} \nabla_\phi z_s
        \quad \text{for the encoder}

    which has the expectation of IWAE's, and a signal that does not fade as S grows.

    References:
        | Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives
        | (Tucker et al., 2019) https://arxiv.org/abs/1810.04152

    Arguments:
        num_samples: The latent samples S of each sentence.
    """

    stop_score = True
    needs = ("log_qz_x",)

    def __init__(self, num_samples: int = 8) -> None:
        if num_samples < 1:
            raise ValueError(f"'num_samples' must be at least 1, got {num_samples}.")

        self.num_samples = num_samples

    def __call__(self, terms: Terms, step: int) -> Tensor:
        log_w = _log_w(terms)
        surrogate = (_shares(terms) * log_w).sum(dim=0)  # (B,)
        bound = log_w.detach().logsumexp(dim=0) - math.log(len(log_w))

        own = terms.own or terms
        if own.z.requires_grad:
            # The surrogate weighs every gradient once; what goes on through z is weighed again.
            own.z.register_hook(lambda gradient: _shares(own)[..., None] * gradient)
        return (terms.auxiliary - bound - (surrogate - surrogate.detach())).mean()


def _log_w(terms: Terms) -> Tensor:
    return terms.log_px_z + terms.log_pz - terms.log_qz_x  # (S, B)


def _shares(terms: Terms) -> Tensor:
    """The weights of each sentence's samples, which add up to 1, with shape (S, B)."""
    return _log_w(terms).detach().softmax(dim=0)
