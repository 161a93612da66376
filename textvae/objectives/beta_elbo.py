"""The evidence lower bound with a weight on its divergence."""

__all__ = ["BetaELBO"]

from torch import Tensor

from ..schedules import Constant, Schedule
from ..types import Terms
from .base import Objective


class BetaELBO(Objective):
    r"""The negative evidence lower bound with a scheduled weight on the divergence.

    .. math:: -\mathbb{E}_{q(z \mid x)} \log p(x \mid z) + \beta_t \, \mathrm{KL}(q \| p)

    A schedule that rises from 0 to 1 is KL annealing; a constant is the beta-VAE, 1 the ELBO.

    References:
        | Generating Sentences from a Continuous Space (Bowman et al., 2016)
        | https://arxiv.org/abs/1511.06349

    Arguments:
        beta: The weight of the divergence: a number or a schedule.
    """

    def __init__(self, beta: Schedule | float = 1.0) -> None:
        self.beta = beta if isinstance(beta, Schedule) else Constant(beta)
        self.moves_kl = not (isinstance(self.beta, Constant) and self.beta.value == 1)

    def __call__(self, terms: Terms, step: int) -> Tensor:
        loss = -terms.log_px_z.mean(dim=0) + self.beta(step) * terms.kl + terms.auxiliary  # (B,)
        return loss.mean()
