"""The divergence between any two distributions."""

__all__ = ["kl"]

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    kl_divergence,
    register_kl,
)


def kl(q: Distribution, p: Distribution, z: Tensor) -> tuple[Tensor, Tensor | None]:
    r"""The Kullback-Leibler divergence :math:`\mathrm{KL}(q \,\|\, p)`, in nats.

    In closed form where `torch.distributions` has one registered for the pair, else estimated from
    samples that were drawn anyway, as the mean of log q(z) - log p(z).

    Arguments:
        q: The distributions to measure, with batch shape (B,) and event shape (D,).
        p: The distribution to measure them against, with batch shape () or (B,).
        z: Samples of `q`, with shape (S, B, D).

    Returns:
        The divergence with shape (B,), and that of each dimension with shape (B, D), or None
        where the dimensions are not independent under both.
    """
    try:
        if _is_independent(q) and _is_independent(p):
            per_dim = kl_divergence(q.base_dist, p.base_dist)  # (B, D)
            return per_dim.sum(dim=-1), per_dim
        return kl_divergence(q, p), None
    except NotImplementedError:  # no rule for the pair
        return (q.log_prob(z) - p.log_prob(z)).mean(dim=0), None


def _is_independent(q: Distribution) -> bool:
    return isinstance(q, Independent) and q.reinterpreted_batch_ndims == 1


@register_kl(Independent, MultivariateNormal)
def _kl_diagonal_normal(q: Independent, p: MultivariateNormal) -> Tensor:
    r"""For means m and deviations s, and L L^T the covariance of p, whose mean is m':
    :math:`\frac12 (|L^{-1} (m - m')|^2 + |L^{-1} \operatorname{diag} s|^2 - D) + \log |L|
    - \sum_d \log s_d`."""
    if not (_is_independent(q) and isinstance(q.base_dist, Normal)) or p.batch_shape:
        raise NotImplementedError
    size = p.event_shape[0]
    inverse = torch.linalg.solve_triangular(
        p.scale_tril, torch.eye(size).to(p.scale_tril), upper=False
    )
    moved = ((q.mean - p.loc) @ inverse.T).square().sum(dim=-1)
    spread = (q.variance @ inverse.square().sum(dim=0)[:, None])[..., 0]
    log_scales = p.scale_tril.diagonal().log().sum() - q.stddev.log().sum(dim=-1)
    return 0.5 * (moved + spread - size) + log_scales
