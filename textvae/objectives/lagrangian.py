"""Minimum desired rate: a multiplier keeps the divergence over a bound."""

__all__ = ["Lagrangian"]

import math

from torch import Tensor

from ..types import Terms
from .base import Objective


class Lagrangian(Objective):
    r"""The negative evidence lower bound, subject to a minimum desired rate.

    Maximising the bound while the mean divergence is at least r nats has the Lagrangian

    .. math:: -\mathrm{ELBO} + w_t \left( r - \mathrm{KL}(q \| p) \right), \qquad
        u_{t + 1} = \max \left( 0, u_t + \eta \, e_t \right), \qquad
        w_t = \max \left( 0, u_{t + 1} + c \, e_t \right)

    where :math:`e_t = r - \overline{\mathrm{KL}}_t` is what the mean of the batch lacks. The
    multiplier u rises while the rate is missed, and falls to 0 where it is met by itself. The
    damping c keeps it from swinging. The divergence has the weight 1 - w; below 0, it is paid for.

    References:
        | Effective Estimation of Deep Generative Language Models (Pelsmaeker & Aziz, 2020)
        | https://arxiv.org/abs/1904.08194
        | Constrained Differential Optimization (Platt & Barr, 1987), for the damping

    Arguments:
        rate: The minimum desired rate r, in nats per sentence; 0 is the evidence lower bound.
        step_size: The step eta of the multiplier, per nat and batch.
        damping: The damping c, per nat.
    """

    moves_kl = True
    state = ("multiplier", "weight")

    def __init__(self, rate: float = 8.0, step_size: float = 0.001, damping: float = 0.02) -> None:
        if not 0 <= rate < math.inf:
            raise ValueError(f"'rate' must be finite and at least 0, got {rate}.")
        if step_size <= 0:
            raise ValueError(f"'step_size' must be above 0, got {step_size}.")
        if damping < 0:
            raise ValueError(f"'damping' must be at least 0, got {damping}.")

        self.rate = rate
        self.step_size = step_size
        self.damping = damping
        self.multiplier = 0.0
        self.weight = 0.0

    def __call__(self, terms: Terms, step: int) -> Tensor:
        if self.is_first_call(step):
            missed = self.rate - terms.kl.mean().item()
            self.multiplier = max(0.0, self.multiplier + self.step_size * missed)
            self.weight = max(0.0, self.multiplier + self.damping * missed)
        loss = -terms.log_px_z.mean(dim=0) + terms.kl + terms.auxiliary  # (B,)
        return (loss + self.weight * (self.rate - terms.kl)).mean()
