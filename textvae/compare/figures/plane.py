"""The plane of rate and distortion."""

__all__ = ["rate_distortion"]

import numpy as np
from matplotlib.axes import Axes

from ..plan import BASELINE
from ..results import Results
from .style import INK, PALE, axes_of, colour_of, svg


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
    with axes_of(7.6, 5.0) as (figure, ax):
        for method, pairs in points.items():
            rate, distortion = np.transpose(pairs)
            colour = colour_of(method, names)
            ax.scatter(rate, distortion, s=18, color=colour, alpha=0.5, linewidths=0)
            ax.scatter(rate.mean(), distortion.mean(), s=85, color=colour, edgecolors="white")
            ax.annotate(
                method,
                (rate.mean(), distortion.mean()),
                xytext=(8, 5),
                textcoords="offset points",
                color=colour,
                fontweight="bold",
            )
        baseline = results.summary.get(BASELINE, {}).get("nll_iw")
        if baseline is not None:
            ax.scatter(0, baseline.mean, marker="D", s=40, color=PALE, zorder=3)
            ax.annotate(
                "language model",
                (0, baseline.mean),
                xytext=(8, -4),
                textcoords="offset points",
                color=PALE,
                va="top",
            )
        ax.margins(0.14)
        lines(ax, results.floor)
        ax.set_xlabel("rate: KL, nats per sentence")
        ax.set_ylabel("distortion: reconstruction, nats per sentence")
        return svg(figure, "Rate against distortion of each method")


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
