"""How all figures look, and how they become SVG."""

__all__ = ["INK", "MANY", "PALE", "Look", "axes_of", "look_of", "panels", "svg"]

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..plan import BASELINE

INK, PALE = "#1f2933", "#8894a3"
PAGE = 11.2
"""The width of a page in inches."""

MANY = 12
"""The methods from which on a figure has to be sparing of room."""

COLOURS = (
    "#4c78a8",
    "#f58518",
    "#54a24b",
    "#e45756",
    "#72b7b2",
    "#b279a2",
    "#9d755d",
    "#d9a400",
    "#ff7f9c",
    "#3a5b8c",
)

STYLE = {
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Segoe UI", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 9.5,
    "grid.color": "#e4e8ee",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "textvae",
    "text.color": INK,
    "xtick.color": PALE,
    "xtick.labelcolor": INK,
    "ytick.color": PALE,
    "ytick.labelcolor": INK,
}


class Look(NamedTuple):
    """How a method is drawn: what tells it from the others."""

    colour: str
    marker: str
    dash: str


SHAPES = ("o", "s", "^")
DASHES = ("-", "--", ":")


def look_of(method: str, methods: Sequence[str]) -> Look:
    """The look of a method, the same in every figure; after ten, colours come again."""
    if method == BASELINE:
        return Look(PALE, "D", "-")
    again, place = divmod([m for m in methods if m != BASELINE].index(method), len(COLOURS))
    return Look(COLOURS[place], SHAPES[again % len(SHAPES)], DASHES[again % len(DASHES)])


@contextmanager
def axes_of(width: float = 7.6, height: float = 4.2) -> Iterator[tuple[Figure, Axes]]:
    """One pair of axes with a grid behind it; sizes in inches."""
    with panels(1, height, width) as (figure, axes):
        yield figure, axes[0]


@contextmanager
def panels(
    count: int, height: float, width: float | None = None, columns: int | None = None
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Axes in rows, each `width` by `height` inches; side by side they fill a page."""
    columns = min(columns or (3 if count in (5, 6, 9) else 4 if count <= MANY else 6), count)
    width = width or min(4.6, PAGE / columns)
    rows = math.ceil(count / columns)
    with quiet(), rc_context(STYLE):
        figure = Figure((width * columns, height * rows), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for spare in axes[count:]:
            spare.set_axis_off()
        for used in axes[:count]:
            used.grid(True)
            used.set_axisbelow(True)
        yield figure, axes[:count]


@contextmanager
def quiet() -> Iterator[None]:
    """No remarks on fonts that the reader's browser has and this machine has not."""
    import logging

    logger = logging.getLogger("matplotlib.font_manager")
    level, _ = logger.level, logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def svg(figure: Figure, title: str) -> str:
    """A figure as an element of a page, named for those who do not see it."""
    with quiet(), rc_context(STYLE):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, dpi=160, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    label = title.replace("&", "&amp;").replace('"', "&quot;")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
