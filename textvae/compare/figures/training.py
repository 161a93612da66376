"""What happened while the methods trained."""

__all__ = ["training_curves"]

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ..plan import BASELINE
from ..results import Results
from .style import look_of, panels, svg

TITLES = {
    "valid_nll_elbo": "NLL by the ELBO",
    "valid_kl": "KL",
    "valid_mi": "mutual information",
    "valid_au": "active units",
    "valid_z_gain": "z_gain",
}
UNITS = {"valid_au": "dimensions"}


def training_curves(results: Results) -> str | None:
    """Each validation number over the epochs: a line for each seed."""
    latent = {m: found for m, found in results.outcomes.items() if m != BASELINE}
    shown = [
        name
        for name in TITLES
        if any(len(o.curves.get(name, ())) > 1 for found in latent.values() for o in found)
    ]
    if not shown:
        return None
    names = list(results.plan.methods)
    with panels(len(shown), 2.7) as (figure, axes):
        for ax, name in zip(axes, shown, strict=True):
            for method, outcomes in latent.items():
                look = look_of(method, names)
                for i, outcome in enumerate(outcomes):
                    if name in outcome.curves:
                        epochs = [epoch + 1 for epoch in outcome.curves["epoch"]]
                        ax.plot(
                            epochs,
                            outcome.curves[name],
                            color=look.colour,
                            ls=look.dash,
                            lw=1.6,
                            alpha=0.85,
                            label=method if i == 0 else None,
                        )
            frame(ax, [o.curves[name] for f in latent.values() for o in f if name in o.curves])
            ax.set_title(TITLES[name])
            ax.set_ylabel(UNITS.get(name, "nats per sentence"))
            ax.set_xlabel("epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        handles, labels = axes[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(7, len(labels)))
        return svg(figure, "Validation over training")


def frame(ax: Axes, curves: Sequence[Sequence[float]]) -> None:
    """Leaves out what is far above where training ends, such as an auto-encoder's divergence."""
    late = [curve[len(curve) // 2 :] for curve in curves if len(curve) > 1]
    values = np.array([value for curve in late for value in curve], dtype=float)
    if not np.isfinite(values).any():
        return
    low, high = ax.get_ylim()
    top = np.nanmax(values) + 0.25 * (np.nanmax(values) - np.nanmin(values))
    if low < top < high:
        ax.set_ylim(low, top)
