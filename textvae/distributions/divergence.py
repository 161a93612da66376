"""The divergence between any two distributions."""

__all__ = ["kl"]

from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence


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
