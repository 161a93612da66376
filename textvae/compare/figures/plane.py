"""The plane of rate and distortion."""

__all__ = ["rate_distortion"]

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from ..plan import BASELINE
from ..results import Results
from .style import INK, MANY, PALE, Look, axes_of, look_of, svg

WIDTH, HEIGHT = 6.2, 11.0
"""About what a letter takes, in points."""


def rate_distortion(results: Results) -> str | None:
    """KL against reconstruction, with lines of equal NLL, by the ELBO.

    References:
        | Fixing a Broken ELBO (Alemi et al., 2018)
        | https://arxiv.org/abs/1711.00464
    """
    points = {
        method: [(o.report["kl"], o.report["nll_elbo"] - o.report["kl"]) for o in outcomes]
        for method, outcomes in results.outcomes.items()
        if method != BASELINE and all(o.report.get("kl") is not None for o in outcomes)
    }
    if not points:
        return None
    names = list(results.plan.methods)
    many = len(points) > MANY
    with axes_of(10 if many else 7.6, 8 if many else 5.0) as (figure, ax):
        places = {}
        for method, pairs in points.items():
            rate, distortion = np.transpose(pairs)
            look = look_of(method, names)
            ax.scatter(rate, distortion, s=18, color=look.colour, alpha=0.5, linewidths=0)
            places[method] = (rate.mean(), distortion.mean()), look
        baseline = results.summary.get(BASELINE, {}).get("nll_iw")
        if baseline is not None:
            places["language model"] = (0, baseline.mean), look_of(BASELINE, names)
        for (x, y), look in places.values():
            ax.scatter(x, y, s=85, marker=look.marker, color=look.colour, edgecolors="white")
        ax.margins(0.14)
        lines(ax, results.floor)
        label(ax, places)
        ax.set_xlabel("rate: KL, nats per sentence")
        ax.set_ylabel("distortion: reconstruction, nats per sentence")
        return svg(figure, "Rate against distortion of each method")


def label(ax: Axes, places: Mapping[str, tuple[tuple[float, float], Look]]) -> None:
    """Writes the names to the right of their points, moved up or down where they would overlap."""
    ax.figure.draw_without_rendering()  # settles where the axes are
    taken: list[tuple[float, float, float]] = []
    pixels = 72 / ax.figure.dpi  # to points
    for name, (place, look) in sorted(places.items(), key=lambda item: item[1][0][1]):
        x, y = ax.transData.transform(place) * pixels
        left, right = x + 8, x + 8 + WIDTH * len(name)
        near = [level for a, b, level in taken if a < right and left < b]
        tried = (y + step * sign * HEIGHT for step in range(60) for sign in (1, -1))
        level = next(at for at in tried if all(abs(at - other) >= HEIGHT for other in near))
        taken.append((left, right, level))
        moved = abs(level - y) > HEIGHT
        ax.annotate(
            name,
            place,
            xytext=(8, level - y),
            textcoords="offset points",
            va="center",
            color=look.colour,
            fontweight="bold",
            arrowprops={"arrowstyle": "-", "color": look.colour, "lw": 0.6} if moved else None,
        )


def lines(ax: Axes, floor: float | None) -> None:
    """Lines of equal NLL, and that of the floor."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    left = max(left, -0.06 * right)
    top, bottom = right + high, max(left, 0) + low
    step = 10 ** np.floor(np.log10(top - bottom))
    step *= next(k for k in (0.2, 0.5, 1, 2, 5) if (top - bottom) / (k * step) <= 10)
    x = np.array([left, right])
    for level in np.arange(np.ceil(bottom / step) * step, top, step):
        ax.plot(x, level - x, color="#d3d9e2", lw=0.9, zorder=0)
        place = (right, level - right) if level - right >= low else (level - low, low)
        if place[1] <= high and place[0] >= left:
            ax.annotate(
                f"{level:g}",
                place,
                xytext=(3, 1),
                textcoords="offset points",
                fontsize=8,
                color=PALE,
                annotation_clip=False,
            )
    if floor is not None:
        ax.plot(x, floor - x, color=INK, lw=1, ls=(0, (4, 3)), zorder=1)
        if low < floor - left < high:
            ax.annotate(
                f"floor {floor:.2f}: no model is below",
                (left, floor - left),
                xytext=(4, 6),
                textcoords="offset points",
                fontsize=8,
            )
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    ax.grid(False)
