"""The posterior that ignores the sentence."""

__all__ = ["PriorPosterior"]

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from ..nn import at_least_float32
from .base import Posterior


class PriorPosterior(Posterior):
    r"""The prior in the place of a posterior, :math:`q(z \mid x) = \mathcal{N}(0, I)`.

    The importance weights are then p(x | z) itself, and :class:`IWAE` becomes the naive estimate

    .. math:: -\log \frac{1}{S} \sum_s p(x \mid z_s), \qquad z_s \sim p(z)

    in nats per sentence. It is a valid bound, and teaches why there are encoders: hardly any draw
    of the prior fits a given sentence, so that the decoder learns to do without z.

    References:
        | Tutorial on Variational Autoencoders (Doersch, 2016), section 2
        | https://arxiv.org/abs/1606.05908
        | Importance Weighted Autoencoders (Burda et al., 2016), equation 8 with q(z | x) = p(z)
        | https://arxiv.org/abs/1509.00519

    Arguments:
        in_features: The size of the features h, of which nothing is used.
        latent_dim: The number of latent dimensions.
    """

    def __init__(self, in_features: int, latent_dim: int = 32) -> None:
        super().__init__(latent_dim)

    def forward(self, h: Tensor) -> Independent:
        # A sum of nothing: 0, yet of h, so that the encoder has a gradient of 0 and not none.
        loc = at_least_float32(h[:, :0]).sum(dim=1, keepdim=True).expand(-1, self.latent_dim)

        return Independent(Normal(loc, torch.ones_like(loc), validate_args=False), 1)
