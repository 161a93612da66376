"""Which method to take, by one rule that is written down before anything is trained."""

__all__ = ["RULE", "Recommendation", "recommend"]

from collections.abc import Mapping
from dataclasses import dataclass

from .statistics import Spread

LEAST_GAIN = 1.0
"""The nats per sentence under which a decoder hardly uses z."""

RULE = (
    "the highest z_gain among the methods whose NLL is within one standard error of the best, or "
    f"of the language model; never one with a z_gain under {LEAST_GAIN:g} nat"
)


@dataclass(frozen=True)
class Recommendation:
    """What to take, and why.

    Arguments:
        method: The method, or None where none can be recommended.
        reasons: Why, in sentences.
        verdicts: What the rule says of each method, in a few words.
    """

    method: str | None
    reasons: list[str]
    verdicts: dict[str, str]

    @property
    def headline(self) -> str:
        """The whole in a few words."""
        return f"Take {self.method}" if self.method else "None can be recommended"


def recommend(
    nll: Mapping[str, Spread],
    z_gain: Mapping[str, Spread],
    baseline: Spread | None = None,
) -> Recommendation:
    """Applies :data:`RULE`.

    Arguments:
        nll: The importance-weighted NLL of each method that has one, in nats per sentence.
        z_gain: What each decoder gains from its latents, in nats per sentence.
        baseline: The NLL of the language model, if it was trained.
    """
    if not nll:
        return Recommendation(
            None, ["No method has a likelihood, so there is nothing to rank."], {}
        )
    best = min(nll, key=lambda method: nll[method].mean)
    limits = {best: nll[best]} | ({"the language model": baseline} if baseline else {})
    reach = max(limits, key=lambda name: limits[name].mean + (limits[name].error or 0.0))
    limit = limits[reach].mean + (limits[reach].error or 0.0)

    gains = {method: z_gain[method].mean for method in nll if method in z_gain}
    near = [method for method in gains if nll[method].mean <= limit]
    used = [method for method in near if gains[method] >= LEAST_GAIN]
    chosen = max(used, key=gains.__getitem__, default=None)
    verdicts = {
        method: describe(method, chosen, best, near, gains.get(method), nll[method].mean - limit)
        for method in nll
    }
    bound = (
        f"Within reach is an NLL of up to {limit:.2f} nats per sentence: that of {reach}, "
        f"{limits[reach].mean:.2f}, and one standard error of it."
    )
    if chosen is not None:
        return Recommendation(chosen, [*praise(chosen, near, gains, nll), bound], verdicts)
    return Recommendation(None, [*regret(near, gains, nll, limit), bound], verdicts)


def describe(
    method: str, chosen: str | None, best: str, near: list[str], gain: float | None, excess: float
) -> str:
    """What the rule says of one method."""
    if method == chosen:
        return "recommended"
    if gain is None:
        return "has no latent"
    parts = ["best NLL"] if method == best else []
    if method not in near:
        parts.append(f"NLL {excess:.2f} nats out of reach")
    if gain < LEAST_GAIN:
        parts.append(f"z hardly used ({gain:.2f} nats)")
    elif method in near:
        parts.append("within reach, but uses z less")
    return ", ".join(parts)


def praise(
    chosen: str, near: list[str], gains: Mapping[str, float], nll: Mapping[str, Spread]
) -> list[str]:
    """Why the method that was chosen was chosen."""
    rivals = {method: gains[method] for method in near if method != chosen}
    reasons = [
        f"The decoder of {chosen} gains {gains[chosen]:.2f} nats per sentence from the sentence's "
        f"own latent, at an NLL of {nll[chosen].mean:.2f}."
    ]
    second = max(rivals, key=rivals.__getitem__, default=None)
    if second is not None and rivals[second] < LEAST_GAIN:
        told = ", ".join(f"{method} ({gain:.2f})" for method, gain in rivals.items())
        reasons.append(f"The others within reach hardly use their latents: {told}.")
    elif second is not None:
        reasons.append(
            f"Of the {len(near)} methods within reach it uses its latents most; {second} is next, "
            f"with a gain of {rivals[second]:.2f} nats at an NLL of {nll[second].mean:.2f}."
        )
    else:
        reasons.append("No other method is within reach of that likelihood.")
    return reasons


def regret(
    near: list[str], gains: Mapping[str, float], nll: Mapping[str, Spread], limit: float
) -> list[str]:
    """Why no method was chosen, and which comes nearest."""
    told = ", ".join(f"{method} ({gains[method]:.2f})" for method in near)
    reasons = [
        f"No decoder of a method within reach gains {LEAST_GAIN:g} nat per sentence from its "
        f"latents: {told or 'none has any'}."
    ]
    working = [method for method in gains if gains[method] >= LEAST_GAIN]
    if working:
        nearest = min(working, key=lambda method: nll[method].mean)
        reasons.append(
            f"If latents matter more than likelihood, {nearest} comes nearest: a gain of "
            f"{gains[nearest]:.2f} nats, {nll[nearest].mean - limit:.2f} nats out of reach."
        )
    else:
        reasons.append("Every latent here is ignored: all of them have collapsed.")
    return reasons
