"""The normal prior that is fitted to the posteriors when training is over."""

__all__ = ["FittedNormal"]

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from .base import Prior


class FittedNormal(Prior):
    r"""The prior :math:`\mathcal{N}(0, I)` in training, and afterwards the best normal one.

    After training it has the mean and the covariance of what the posteriors of N training
    sentences are as a whole, which of all normal priors has the least mean divergence from them:

    .. math::
        p(z) = \mathcal{N}\Big(\bar\mu, \; \tfrac1N \sum_n
        (\mu_n - \bar\mu) (\mu_n - \bar\mu)^\top + \operatorname{diag} \sigma_n^2\Big)

    Training is that of the standard normal prior, to the bit, and so is the epoch that is kept.
    The mean divergence is less, and may be below the posterior's floor, which is that to N(0, I);
    it is none of single dimensions any more, since they are correlated. A finished run of the
    standard normal prior has it by `textvae train --resume RUN --prior fitted_normal`.

    References:
        | From Variational to Deterministic Autoencoders (Ghosh et al., 2020), of priors that are
          fitted after training
        | https://arxiv.org/abs/1903.12436

    Arguments:
        latent_dim: The number of latent dimensions.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)

        self.fitted = False
        self.register_buffer("loc", torch.zeros(latent_dim))
        self.register_buffer("scale_tril", torch.eye(latent_dim))
        self.register_load_state_dict_pre_hook(_begin)
        self.register_load_state_dict_post_hook(_look)

    def forward(self) -> Independent | MultivariateNormal:
        if not self.fitted:
            unit = Normal(self.loc, torch.ones_like(self.loc), validate_args=False)
            return Independent(unit, 1)
        return MultivariateNormal(self.loc, scale_tril=self.scale_tril, validate_args=False)

    def fit(self, q: Distribution) -> None:
        mean = q.mean.double()  # (N, D)
        covariance = torch.cov(mean.T, correction=0).reshape(len(self.loc), len(self.loc))
        covariance = covariance + q.variance.double().mean(dim=0).diag()
        # A dimension that auto-encoders leave at one number would have no density.
        least = torch.finfo(self.loc.dtype).eps * covariance.diagonal().max().clamp_min(1.0)
        covariance.diagonal().add_(least)
        self.loc.copy_(mean.mean(dim=0))
        self.scale_tril.copy_(torch.linalg.cholesky(covariance))
        self.fitted = True


def _begin(prior: FittedNormal, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
    """A model that was trained with a standard normal prior has nothing of this one, which begins
    as that: such a run can be resumed with it."""
    state_dict.setdefault(f"{prefix}loc", torch.zeros_like(prior.loc))
    state_dict.setdefault(f"{prefix}scale_tril", torch.eye(prior.latent_dim).to(prior.loc))


def _look(prior: FittedNormal, incompatible: Any) -> None:
    """A loaded prior is a fitted one if it is not the standard normal one."""
    unit = torch.eye(prior.latent_dim).to(prior.scale_tril)
    prior.fitted = bool(prior.loc.any()) or not torch.equal(prior.scale_tril, unit)
