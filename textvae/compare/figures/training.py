"""What happened while the methods trained."""

__all__ = ["training_curves"]

from ..plan import BASELINE
from ..results import Results
from .style import colour_of, panels, svg

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
                for i, outcome in enumerate(outcomes):
                    if name in outcome.curves:
                        epochs = [epoch + 1 for epoch in outcome.curves["epoch"]]
                        ax.plot(
                            epochs,
                            outcome.curves[name],
                            color=colour_of(method, names),
                            lw=1.6,
                            alpha=0.85,
                            label=method if i == 0 else None,
                        )
            ax.set_title(TITLES[name])
            ax.set_ylabel(UNITS.get(name, "nats per sentence"))
            ax.set_xlabel("epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        handles, labels = axes[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(8, len(labels)))
        return svg(figure, "Validation over training")
