"""How the latents hold the factors of the grammar."""

__all__ = ["beta_plot", "probe_plot"]

from typing import Any

import numpy as np

from ..outcomes import Outcome, first_seen
from ..plan import BASELINE
from ..results import Results
from .style import INK, MANY, PALE, axes_of, look_of, panels, svg

SCORES = {
    "MIG": lambda found: found["mig"],
    "DCI disentanglement": lambda found: found["dci"]["disentanglement"],
    "DCI completeness": lambda found: found["dci"]["completeness"],
    "DCI informativeness": lambda found: found["dci"]["informativeness"],
}


def beta_plot(results: Results) -> str | None:
    """Disentanglement against beta where at least three constant ones were tried, else the KL."""
    seen = [
        (method, outcome)
        for method, outcomes in results.outcomes.items()
        for outcome in outcomes
        if method != BASELINE and outcome.examined.get("factors")
    ]
    if not seen:
        return None
    betas = {method: constant_beta(outcome.task.config) for method, outcome in seen}
    against_beta = len({beta for beta in betas.values() if beta is not None}) >= 3
    names, firsts = list(results.plan.methods), first_seen(results.outcomes, "factors")
    with panels(len(SCORES), 2.6) as (figure, axes):
        for ax, (title, score) in zip(axes, SCORES.items(), strict=True):
            for method, outcome in seen:
                x = betas[method] if against_beta else outcome.report.get("kl")
                y = score(outcome.examined["factors"])
                if x is not None and y is not None:
                    label = method if outcome is firsts[method] else None
                    colour, marker, _ = look_of(method, names)
                    ax.plot(x, y, marker, color=colour, ms=7, mec="white", label=label)
            ax.set_title(title)
            ax.set_ylim(0, max(0.1, 1.1 * ax.get_ylim()[1]))
            ax.set_xlabel("beta" if against_beta else "KL, nats per sentence")
            if against_beta:
                ax.set_xscale("log", base=2)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=6)
        return svg(figure, "Disentanglement of each method")


def constant_beta(config: Any) -> float | None:
    """The weight of the divergence where it is one number over 0."""
    arguments = config.objective.get("init_args") or {}
    beta = arguments.get("beta")
    return float(beta) if isinstance(beta, (int, float)) and beta > 0 else None


def probe_plot(results: Results) -> str | None:
    """How well a linear probe tells each factor, and how often the commonest value is right."""
    looked_at = first_seen(results.outcomes, "factors")
    found = {method: probes(results.outcomes[method]) for method in looked_at}
    if not found:
        return None
    if len(found) > MANY:
        return probe_grid(found)
    factors = list(next(iter(found.values())))
    names, height = list(results.plan.methods), 0.8 / len(found)
    with axes_of(7.6, 0.8 + 0.09 * len(factors) * (len(found) + 1.5)) as (figure, ax):
        y = np.arange(len(factors))
        for i, (method, values) in enumerate(found.items()):
            share = [values[factor][0] for factor in factors]
            place = y + (i - (len(found) - 1) / 2) * height
            colour = look_of(method, names).colour
            ax.barh(place, share, height * 0.92, color=colour, label=method)
        chance = [next(iter(found.values()))[factor][1] for factor in factors]
        ax.vlines(chance, y - 0.42, y + 0.42, color=INK, lw=1.4, label="chance")
        ax.set_yticks(y, factors)
        ax.set_ylim(len(factors) - 0.5, -0.5)
        ax.set_xlim(0, 1)
        ax.set_xlabel("accuracy of a linear probe, on sentences held out")
        ax.grid(False, axis="y")
        ax.spines["left"].set_color(PALE)
        figure.legend(loc="outside upper left", ncols=6)
        return svg(figure, "Accuracy of linear probes of each factor")


def probe_grid(found: dict[str, dict[str, tuple[float, float]]]) -> str:
    """The same for many methods: a row for each, and chance as the first."""
    first = next(iter(found.values()))
    rows = {"chance": [chance for _, chance in first.values()]}
    rows |= {method: [share for share, _ in values.values()] for method, values in found.items()}
    shares = np.array(list(rows.values()))
    with axes_of(1.6 + 0.82 * len(first), 0.9 + 0.24 * len(rows)) as (figure, ax):
        # What chance does not explain has a colour.
        ax.imshow(shares - shares[0], cmap="Blues", vmin=0, vmax=1, aspect="auto", alpha=0.8)
        for (y, x), share in np.ndenumerate(shares):
            ax.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=8.5)
        ax.set_xticks(range(len(first)), [factor.replace("_", "\n") for factor in first])
        ax.set_yticks(range(len(rows)), rows)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.grid(False)
        return svg(figure, "Accuracy of linear probes of each factor")


def probes(outcomes: list[Outcome]) -> dict[str, tuple[float, float]]:
    """The mean accuracy of each probe over the seeds that were looked at, and that of chance."""
    told = [outcome.examined.get("factors") for outcome in outcomes]
    seen = [factors["probes"] for factors in told if factors]
    return {
        factor: tuple(
            float(np.mean([probe[factor][key] for probe in seen]))
            for key in ("accuracy", "chance")
        )
        for factor in seen[0]
    }
