"""Differences between methods, with their intervals."""

__all__ = ["difference_plot"]

from ..plan import BASELINE
from ..results import Results
from .style import INK, look_of, panels, svg

SHOWN = {
    "nll_iw": "NLL, nats (left is better)",
    "z_gain": "z_gain, nats (right is better)",
    "bleu": "BLEU (right is better)",
}


def difference_plot(results: Results) -> str | None:
    """What each method has more of than the reference, with 95 % intervals."""
    methods = [method for method in results.differences if method != BASELINE]
    baseline = [BASELINE] if BASELINE in results.differences else []
    shown = [
        name for name in SHOWN if any(name in results.differences[method] for method in methods)
    ]
    if not methods or not shown:
        return None
    names = list(results.plan.methods)
    rows = [*baseline, *methods]
    with panels(len(shown), 0.9 + 0.26 * len(rows)) as (figure, axes):
        for ax, name in zip(axes, shown, strict=True):
            ax.axvline(0, color=INK, lw=1)
            for y, method in enumerate(rows):
                found = results.differences[method].get(name)
                if found is None:
                    continue
                look = look_of(method, names)
                if found.low is not None:
                    ax.plot([found.low, found.high], [y, y], color=look.colour, lw=2.4, alpha=0.55)
                ax.plot(found.mean, y, look.marker, color=look.colour, ms=7, mec="white")
            ax.set_yticks(range(len(rows)), [*["language model"][: len(baseline)], *methods])
            ax.set_ylim(len(rows) - 0.5, -0.5)
            ax.set_xlabel(SHOWN[name])
            ax.grid(False, axis="y")
        return svg(figure, f"Differences from {results.reference}")
