"""A comparison in lines of plain text."""

__all__ = ["table"]

from .plan import BASELINE
from .recommendation import RULE
from .results import Results
from .statistics import Difference, Spread

COLUMNS = {
    "nll_iw": "{:.2f}",
    "ppl_iw": "{:.2f}",
    "kl": "{:.2f}",
    "mi_full": "{:.2f}",
    "au": "{:.3g}",
    "z_gain": "{:.2f}",
    "bleu": "{:.1f}",
    "exact_match": "{:.0%}",
    "probe_accuracy": "{:.1%}",
}
"""The numbers of the first table, and how they are written; the last where there are labels."""

COMPARED = ("nll_iw", "kl", "z_gain", "bleu")
"""The numbers whose differences are shown."""

MEANING = (
    "nll_iw, kl, mi_full, z_gain: nats per sentence; au: active latent dimensions; "
    "± is the standard deviation over seeds"
)


def table(results: Results) -> str:
    """The comparison for a reader, in lines of plain text."""
    blocks = [grid(numbers(results)), MEANING]
    if results.floor is not None:
        blocks[-1] += f"; no model can have an nll_iw under {results.floor:.2f}"
    if any(results.differences.values()):
        blocks += ["", f"Differences from {results.reference}, with 95 % intervals"]
        blocks.append(grid(gaps(results)))
    if results.flags:
        blocks += ["", "To know before believing it", *(f"  {line}" for line in results.flags)]
    found = results.recommendation
    blocks += ["", f"{found.headline}.", *(f"  {line}" for line in found.reasons)]
    blocks.append(f"  The rule: {RULE}.")
    return "\n".join(blocks)


def numbers(results: Results) -> list[list[str]]:
    """A row for each method, the baseline's first."""
    labelled = any("probe_accuracy" in summary for summary in results.summary.values())
    columns = {k: form for k, form in COLUMNS.items() if labelled or k != "probe_accuracy"}
    rows = [["method", *columns, "time", "per epoch"]]
    for method, summary in results.summary.items():
        mark = " *" if method == results.recommendation.method else ""
        name = f"{method} (baseline)" if method == BASELINE else method + mark
        cost = results.cost.get(method, {})
        times = [times_of(cost.get(key)) for key in ("seconds", "seconds_per_epoch")]
        cells = [write(summary.get(key), form) for key, form in columns.items()]
        rows.append([name, *cells, *times])
    return rows


def gaps(results: Results) -> list[list[str]]:
    """A row for each method, of what it has more of than the reference."""
    rows = [["method", *COMPARED]]
    for method, found in results.differences.items():
        cells = [interval(found.get(key)) for key in COMPARED]
        rows.append([method, *cells])
    return rows


def write(value: Spread | None, form: str) -> str:
    """A mean, and its spread over seeds where there are several."""
    if value is None:
        return "-"
    mean = form.format(value.mean)
    return mean if value.sd is None else f"{mean} ± {form.format(value.sd)}"


def interval(value: Difference | None) -> str:
    """A difference with its interval."""
    if value is None:
        return "-"
    if value.low is None:
        return f"{value.mean:+.2f}"
    return f"{value.mean:+.2f} [{value.low:+.2f}, {value.high:+.2f}]"


def times_of(value: float | None) -> str:
    """A cost as a multiple."""
    return "-" if value is None else f"{value:.2f}x"


def grid(rows: list[list[str]]) -> str:
    """Rows in aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *rest = (
            f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)
