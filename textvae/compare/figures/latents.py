"""Where the sentences lie in each latent space, and which dimensions hold them."""

__all__ = ["latent_maps", "rates_per_dimension"]

from collections.abc import Sequence

import numpy as np

from ..outcomes import first_seen
from ..plan import BASELINE
from ..results import Results
from .style import COLOURS, MANY, PALE, look_of, panels, svg

MOST_GROUPS = 8
"""The groups that colours can tell apart."""


def rates_per_dimension(results: Results) -> str | None:
    """The KL of each dimension, the largest first; the first seed of each method."""
    found = {
        method: outcomes[0].report["kl_per_dim"]
        for method, outcomes in results.outcomes.items()
        if method != BASELINE and outcomes[0].report.get("kl_per_dim")
    }
    if not found:
        return None
    names = list(results.plan.methods)
    top = max(max(rates) for rates in found.values())
    many = len(found) > MANY
    with panels(len(found), 1.5 if many else 2.2) as (figure, axes):
        for ax, (method, rates) in zip(axes, found.items(), strict=True):
            ranked = sorted(rates, reverse=True)
            colour = look_of(method, names).colour
            ax.bar(range(1, len(ranked) + 1), ranked, color=colour, width=0.8)
            ax.set_ylim(0, 1.08 * top or 1)
            ax.set_title(method)
            ax.set_xlabel("" if many else "dimensions, by rank")
            ax.set_ylabel("" if many else "KL, nats")
            ax.grid(False, axis="x")
        return svg(figure, "KL of each latent dimension")


def latent_maps(
    results: Results, groups: Sequence[str] | Sequence[float], title: str
) -> str | None:
    """The sentences of the test split on the two axes along which each latent varies most.

    Arguments:
        results: The comparison.
        groups: What each sentence is coloured by: a name, or a number.
        title: What that is.
    """
    looked_at = first_seen(results.outcomes, "map")
    found = {method: outcome.examined["map"] for method, outcome in looked_at.items()}
    if not found:
        return None
    with panels(len(found), 2.1 if len(found) > MANY else 2.9) as (figure, axes):
        for ax, (method, seen) in zip(axes, found.items(), strict=True):
            points = np.asarray(seen["points"])
            if isinstance(groups[0], str):
                named(ax, points, groups)
            else:
                values = np.asarray(groups)[: len(points)]
                drawn = ax.scatter(*points.T, c=values, s=9, cmap="viridis", rasterized=True)
            share = sum(seen["explained"])
            ax.set_title(f"{method} {share:.0%}")
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(False)
        if isinstance(groups[0], str):
            handles, labels = axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=8, markerscale=2)
        else:
            figure.colorbar(drawn, ax=axes, label=title, shrink=0.7)
        return svg(figure, f"Latent space of each method, coloured by {title}")


def named(ax: object, points: np.ndarray, groups: Sequence[str]) -> None:
    """Points in the colours of their groups; what is rare is one group."""
    values = np.asarray(groups)[: len(points)]
    names, counts = np.unique(values, return_counts=True)
    kept = names[np.argsort(-counts)][:MOST_GROUPS]
    rest = ~np.isin(values, kept)
    if rest.any():
        ax.scatter(*points[rest].T, s=7, color=PALE, alpha=0.5, label="others", rasterized=True)
    for i, name in enumerate(sorted(kept)):
        mine = points[values == name]
        ax.scatter(
            *mine.T, s=9, color=COLOURS[i], alpha=0.75, linewidths=0, label=name, rasterized=True
        )
