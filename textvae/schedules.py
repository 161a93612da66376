"""Schedules: a number over time, counted in batches.

A length is written ``10ep`` for epochs, ``25%`` for a share of the whole training, or ``13000``
for batches. The first two are known once training has said how many batches it has.
"""

__all__ = ["Constant", "Cyclical", "Linear", "Schedule", "Sigmoid"]

import abc
import math
import re

from .component import Component
from .errors import UsageError


class Schedule(Component, abc.ABC):
    """Abstract schedule: from the number of batches seen to a weight."""

    end: float | None = None
    """The weight at last; None where there is no telling."""

    batches_per_epoch: int | None = None
    """Set by training before the first batch."""

    all_batches: int | None = None
    """The batches of the whole training; set likewise, where its end is known."""

    @abc.abstractmethod
    def __call__(self, step: int) -> float:
        """
        Arguments:
            step: The batches seen before this one, from 0.

        Returns:
            The weight of this batch.
        """

    def arrived(self, step: int) -> bool:
        """Whether the weight of a batch is, within a hundredth, the one that it ends at."""
        return self.end is None or math.isclose(self(step), self.end, rel_tol=0.01, abs_tol=1e-9)

    def batches(self, length: str | int) -> float:
        """A length in batches.

        Raises:
            UsageError: If it is a share of what nobody has told the length of.
        """
        number, unit = _parse(length)
        if unit == "ep":
            return number * self._known("batches_per_epoch", length)
        return number / 100 * self._known("all_batches", length) if unit == "%" else number

    def _known(self, name: str, length: str | int) -> int:
        if (value := getattr(self, name)) is None:
            raise UsageError(
                f"{type(self).__name__}: the length {length!r} needs '{name}', which a training "
                f"knows that has an end; set --trainer.max_epochs, or give a number of batches"
            )
        return value


def _parse(length: str | int) -> tuple[float, str]:
    """Splits a length into its number and its unit: ep, % or nothing for batches."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ep|%)?", str(length).strip())
    if match is None:
        raise ValueError(
            f"A length is written '10ep' (epochs), '25%' (of the training) or '13000' (batches), "
            f"got {length!r}."
        )
    return float(match[1]), match[2] or ""


def _check_positive(name: str, length: str | int) -> None:
    if _parse(length)[0] <= 0:
        raise ValueError(f"'{name}' must be positive, got {length!r}.")


class Constant(Schedule):
    r"""A constant weight, as in the beta-VAE.

    References:
        | beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework
        | (Higgins et al., 2017) https://openreview.net/forum?id=Sy2fzU9gl

    Arguments:
        value: The weight.
    """

    def __init__(self, value: float = 1.0) -> None:
        self.value = self.end = value

    def __call__(self, step: int) -> float:
        return self.value


class Linear(Schedule):
    r"""A weight that goes from `start` to `end` in a straight line and stays there.

    .. math:: \text{start} + (\text{end} - \text{start})
        \min(1, \max(0, (t - \text{delay}) / \text{length}))

    at batch t.

    References:
        | Lagging Inference Networks and Posterior Collapse (He et al., 2019)
        | https://arxiv.org/abs/1901.05534

    Arguments:
        start: The weight at first.
        end: The weight at last.
        length: How long the way takes, as 10ep, 25% or 13000.
        delay: How long to stay at the start, as 2ep or 500.
    """

    def __init__(
        self,
        start: float = 0.0,
        end: float = 1.0,
        length: str | int = "10ep",
        delay: str | int = 0,
    ) -> None:
        _check_positive("length", length)
        _parse(delay)
        self.start = start
        self.end = end
        self.length = length
        self.delay = delay

    def __call__(self, step: int) -> float:
        gone = (step - self.batches(self.delay)) / self.batches(self.length)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, gone))


class Sigmoid(Schedule):
    r"""A logistic weight, :math:`\text{end} / (1 + e^{-k (t - m)})` at batch t.

    References:
        | Generating Sentences from a Continuous Space (Bowman et al., 2016), section 3.1
        | https://arxiv.org/abs/1511.06349

    Arguments:
        middle: When the weight is half its end, as 5ep or 2500.
        width: How long it takes from 27 to 73 percent of the end (2/k), as 1ep or 800.
        end: The weight at last.
    """

    def __init__(
        self, middle: str | int = "5ep", width: str | int = "1ep", end: float = 1.0
    ) -> None:
        _check_positive("middle", middle)
        _check_positive("width", width)
        self.middle = middle
        self.width = width
        self.end = end

    def __call__(self, step: int) -> float:
        k = 2 / self.batches(self.width)
        # tanh, not exp: it does not overflow long before the middle.
        return self.end * 0.5 * (1 + math.tanh(k * (step - self.batches(self.middle)) / 2))


class Cyclical(Schedule):
    r"""A weight that rises in a straight line, stays, and starts again.

    .. math:: \text{start} + (\text{end} - \text{start}) \min(1, \tau / \text{rise}),
        \qquad \tau = \frac{(t - \text{delay}) \bmod \text{period}}{\text{period}}

    at batch t.

    References:
        | Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing
        | (Fu et al., 2019) https://arxiv.org/abs/1903.10145

    Arguments:
        period: The length of a cycle, as 10ep, 25% or 13000.
        rise: The share of a cycle that rises, over 0 and at most 1.
        start: The weight at the start of a cycle.
        end: The weight at its end.
        cycles: How often to start; the weight then stays at the end. Without end if None.
        delay: How long the weight stays at `start` before the first cycle.
    """

    def __init__(
        self,
        period: str | int = "10ep",
        rise: float = 0.5,
        start: float = 0.0,
        end: float = 1.0,
        cycles: int | None = None,
        delay: str | int = 0,
    ) -> None:
        _check_positive("period", period)
        _parse(delay)
        if not 0 < rise <= 1:
            raise ValueError(f"'rise' must be over 0 and at most 1, got {rise}.")
        self.period = period
        self.rise = rise
        self.start = start
        self.end = end
        self.cycles = cycles
        self.delay = delay

    def __call__(self, step: int) -> float:
        step = max(0, step - self.batches(self.delay))
        cycle, gone = divmod(step / self.batches(self.period), 1.0)
        if self.cycles is not None and cycle >= self.cycles:
            return self.end
        return self.start + (self.end - self.start) * min(1.0, gone / self.rise)

    def arrived(self, step: int) -> bool:
        """Whether the last cycle that training has room to raise has risen; the first where there
        is no telling which is last."""
        delay, period = self.batches(self.delay), self.batches(self.period)
        cycles = self.cycles
        if self.all_batches is not None:
            room = math.floor((self.all_batches - delay) / period + 1 - self.rise)
            cycles = room if cycles is None else min(cycles, room)
        return (step - delay) / period >= max(cycles or 1, 1) - 1 + self.rise
