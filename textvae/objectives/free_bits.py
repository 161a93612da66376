"""Free bits."""

__all__ = ["FreeBits"]

from typing import Literal

from torch import Tensor

from ..schedules import Constant, Schedule
from ..types import Terms
from .base import Objective


class FreeBits(Objective):
    r"""The negative evidence lower bound, where the first nats of the divergence cost nothing.

    Under :math:`\lambda` nats the divergence has no gradient, and so z may carry as much:

    .. math::
        -\mathbb{E}_{q(z \mid x)} \log p(x \mid z) + \beta_t \times
        \begin{cases}
        \max(\lambda, \mathrm{KL}(x)) & \text{per sentence} \\
        \sum_d \max(\lambda / D, \mathrm{KL}_d(x)) & \text{per dimension} \\
        \max(\lambda, \overline{\mathrm{KL}}) & \text{per batch} \\
        \sum_d \max(\lambda / D, \overline{\mathrm{KL}_d}) & \text{per dimension of a batch}
        \end{cases}

    where a bar is the mean over a batch. Per dimension of a batch is what
    Kingma et al. defined, per dimension what Li et al. found best.

    References:
        | Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        | appendix C.8 https://arxiv.org/abs/1606.04934
        | A Surprisingly Effective Fix for Deep Latent Variable Modeling of Text (Li et al., 2019)
        | https://arxiv.org/abs/1909.00868

    Arguments:
        rate: The free nats of a sentence, shared by the dimensions where it is per dimension.
        per: What must use up its share first: sentence, dimension, batch or batch_dimension.
        beta: The weight of the divergence: a number or a schedule.
    """

    moves_kl = True

    def __init__(
        self,
        rate: float = 8.0,
        per: Literal["sentence", "dimension", "batch", "batch_dimension"] = "dimension",
        beta: Schedule | float = 1.0,
    ) -> None:
        if rate < 0:
            raise ValueError(f"'rate' must be at least 0, got {rate}.")

        self.rate = rate
        self.per = per
        self.beta = beta if isinstance(beta, Schedule) else Constant(beta)
        self.needs = ("kl_per_dim",) if per.endswith("dimension") else ()

    def __call__(self, terms: Terms, step: int) -> Tensor:
        kl = terms.kl_per_dim if self.needs else terms.kl[:, None]  # (B, D) or (B, 1)
        if kl is None:
            raise ValueError(f"FreeBits per {self.per} needs the divergence of each dimension.")
        free = self.rate / kl.shape[1]
        if self.per.startswith("batch"):
            kl = kl.mean(dim=0)  # (D,) or (1,)
        paid = kl.clamp(min=free).sum(dim=-1)  # (B,) or ()
        reconstruction = -terms.log_px_z.mean(dim=0) + terms.auxiliary  # (B,)
        return (reconstruction + self.beta(step) * paid).mean()
