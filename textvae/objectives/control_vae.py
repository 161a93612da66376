"""ControlVAE: a controller holds the divergence at a target."""

__all__ = ["ControlVAE"]

import math

from torch import Tensor

from ..types import Terms
from .base import Objective


class ControlVAE(Objective):
    r"""The negative evidence lower bound with a weight that a controller sets.

    .. math:: -\mathbb{E}_{q(z \mid x)} \log p(x \mid z) + \beta_t \, \mathrm{KL}(q \| p), \qquad
        \beta_t = \beta_{\min} + \frac{K_p}{1 + e^{e_t}} - K_i \sum_{j \le t} e_j

    within its bounds, where :math:`e_t = v - \overline{\mathrm{KL}}_t` is what the mean
    divergence of the batch lacks to the target v. The sum, too, is kept within the bounds, so that
    it turns as soon as the sign of the error does.

    References:
        | ControlVAE: Controllable Variational Autoencoder (Shao et al., 2020), algorithm 1
        | https://arxiv.org/abs/2004.05988

    Arguments:
        rate: The target v, in nats per sentence.
        proportional: The gain Kp.
        integral: The gain Ki, per nat and batch.
        min_beta: The least weight; training starts there.
        max_beta: The largest weight.
    """

    moves_kl = True
    state = ("beta", "integrated")

    def __init__(
        self,
        rate: float = 8.0,
        proportional: float = 0.01,
        integral: float = 0.0001,
        min_beta: float = 0.0,
        max_beta: float = 1.0,
    ) -> None:
        if not 0 < rate < math.inf:
            raise ValueError(f"'rate' must be finite and above 0, got {rate}.")
        if not 0 <= min_beta <= max_beta:
            raise ValueError(
                f"'min_beta' must lie between 0 and 'max_beta', got {min_beta} and {max_beta}."
            )

        self.rate = rate
        self.proportional = proportional
        self.integral = integral
        self.min_beta = min_beta
        self.max_beta = max_beta
        self.beta = min_beta
        self.integrated = 0.0

    def __call__(self, terms: Terms, step: int) -> Tensor:
        if self.is_first_call(step):
            self._control(self.rate - terms.kl.mean().item())
        loss = -terms.log_px_z.mean(dim=0) + self.beta * terms.kl + terms.auxiliary  # (B,)
        return loss.mean()

    def _control(self, error: float) -> None:
        span = self.max_beta - self.min_beta
        self.integrated = min(max(self.integrated - self.integral * error, 0.0), span)
        # 1 / (1 + exp(error)), without its overflow.
        proportional = self.proportional * (1 - math.tanh(error / 2)) / 2
        self.beta = self.min_beta + min(proportional + self.integrated, span)
