"""The importance-weighted bound."""

__all__ = ["IWAE"]

import math

from torch import Tensor

from ..types import Terms
from .base import Objective


class IWAE(Objective):
    r"""The negative importance-weighted bound.

    .. math:: -\log \frac{1}{S} \sum_s \frac{p(x \mid z_s) \, p(z_s)}{q(z_s \mid x)},
        \qquad z_s \sim q(z \mid x)

    It lies between the evidence lower bound, which it is at S = 1, and log p(x), which it tends
    to. The tighter it is, the noisier is what the encoder learns from it; see :class:`DReG`. With
    :class:`PriorPosterior` it is the naive estimate of the likelihood from prior samples.

    References:
        | Importance Weighted Autoencoders (Burda et al., 2016), equation 8
        | https://arxiv.org/abs/1509.00519
        | Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018)
        | https://arxiv.org/abs/1802.04537

    Arguments:
        num_samples: The latent samples S of each sentence.
    """

    needs = ("log_qz_x",)

    def __init__(self, num_samples: int = 8) -> None:
        if num_samples < 1:
            raise ValueError(f"'num_samples' must be at least 1, got {num_samples}.")

        self.num_samples = num_samples

    def __call__(self, terms: Terms, step: int) -> Tensor:
        log_w = terms.log_px_z + terms.log_pz - terms.log_qz_x  # (S, B)
        bound = log_w.logsumexp(dim=0) - math.log(len(log_w))  # (B,)
        return (terms.auxiliary - bound).mean()
