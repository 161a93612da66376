"""Minimum desired rate: a multiplier keeps the divergence over a bound."""

__all__ = ["Lagrangian"]

import math

from torch import Tensor

from ..types import Terms
from .base import Objective


class Lagrangian(Objective):
    r"""The negative evidence lower bound, subject to a minimum desired rate.

    Maximising the bound while the mean divergence is at least r nats has the Lagrangian

    .. math:: -\mathrm{ELBO} + u_t \left( r - \mathrm{KL}(q \| p) \right), \qquad
        u_{t + 1} = \max \left( 0, u_t + \eta \, (r - \overline{\mathrm{KL}}_t) \right)

    with a bar for the mean over the batch. The multiplier u rises while the rate is missed, and
    falls to 0 where the bound holds by itself. It acts as a weight 1 - u of the divergence; over
    1 it pays for divergence.

    References:
        | Effective Estimation of Deep Generative Language Models (Pelsmaeker & Aziz, 2020)
        | https://arxiv.org/abs/1904.08194

    Arguments:
        rate: The minimum desired rate r, in nats per sentence; 0 is the evidence lower bound.
        step_size: The step eta of the multiplier, per nat and batch.
    """

    moves_kl = True
    state = ("multiplier",)

    def __init__(self, rate: float = 8.0, step_size: float = 0.001) -> None:
        if not 0 <= rate < math.inf:
            raise ValueError(f"'rate' must be finite and at least 0, got {rate}.")
        if step_size <= 0:
            raise ValueError(f"'step_size' must be above 0, got {step_size}.")

        self.rate = rate
        self.step_size = step_size
        self.multiplier = 0.0

    def __call__(self, terms: Terms, step: int) -> Tensor:
        if self.is_first_call(step):
            missed = self.rate - terms.kl.mean().item()
            self.multiplier = max(0.0, self.multiplier + self.step_size * missed)
        loss = -terms.log_px_z.mean(dim=0) + terms.kl + terms.auxiliary  # (B,)
        return (loss + self.multiplier * (self.rate - terms.kl)).mean()
