"""Figures of a latent space: a map, the divergence of each dimension, an interpolation."""

__all__ = ["METHODS", "check_name", "plot_interpolation", "plot_kl", "plot_map"]

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from ..errors import UsageError
from ..runs import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = Literal["pca", "umap"]

KINDS = (".png", ".svg")

FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "SimHei")
"""Fonts with Chinese characters, of which those that are installed are used."""

LONGEST = 50
"""The characters of a line that a figure has room for."""

FEW = 12
"""So many different labels have a colour each; more become a scale, as numbers do."""


def plot_map(
    path: str | Path,
    z: np.ndarray,
    values: Sequence[str] | Sequence[float],
    name: str,
    method: METHODS = "pca",
    seed: int = 0,
) -> None:
    """Draws latents in two dimensions, coloured by label or by a number such as the length.

    References:
        | UMAP: Uniform Manifold Approximation and Projection (McInnes et al., 2018)
        | https://arxiv.org/abs/1802.03426

    Arguments:
        path: A .png or .svg file.
        z: The latents, with shape (N, D), N at least 3.
        values: What colours each, N labels or numbers.
        name: What that is called.
        method: pca or umap.
        seed: The seed of umap.
    """
    places, titles = _projected(z, method, seed)
    options = {"s": 8, "linewidths": 0, "alpha": 0.7}
    kinds = sorted(set(values))
    with _figure(path, 6.4, 4.8) as figure:
        axes = figure.subplots()
        if isinstance(kinds[0], str) and len(kinds) <= FEW:
            for kind in kinds:
                rows = [i for i, value in enumerate(values) if value == kind]
                axes.scatter(*places[rows].T, label=f"{kind} ({len(rows)})", **options)
            axes.legend(title=name, markerscale=2, fontsize="small")
        else:
            numbers = [kinds.index(v) if isinstance(v, str) else v for v in values]
            points = axes.scatter(*places.T, c=numbers, cmap="viridis", **options)
            figure.colorbar(points, label=name)
        axes.set(xlabel=titles[0], ylabel=titles[1], title=f"{len(z):,} sentences")


def plot_kl(path: str | Path, kl_per_dim: Sequence[float]) -> None:
    """Draws the divergence of each dimension in nats, largest first.

    Arguments:
        path: A .png or .svg file.
        kl_per_dim: The divergences, with shape (D,).
    """
    order = np.argsort(kl_per_dim)[::-1]
    total = float(np.sum(kl_per_dim))
    with _figure(path, 6.4, 3.6) as figure:
        axes = figure.subplots()
        axes.bar([str(i) for i in order], np.asarray(kl_per_dim)[order], width=0.8)
        axes.tick_params(axis="x", labelsize=max(3.0, min(8.0, 320 / len(order))), rotation=90)
        axes.set(xlabel="dimension", ylabel="KL (nats)", title=f"{total:.2f} nats a sentence")


def plot_interpolation(path: str | Path, lines: Sequence[str], log_probs: np.ndarray) -> None:
    """Draws how likely each line of an interpolation is at each step of the way.

    Arguments:
        path: A .png or .svg file.
        lines: The L different lines, in their order.
        log_probs: log p(line | z of the step), with shape (steps, L).
    """
    gaps = log_probs - log_probs.max(axis=1, keepdims=True)
    steps = range(len(log_probs))
    with _figure(path, 6 + 0.5 * len(log_probs), 1.5 + 0.4 * len(lines)) as figure:
        axes = figure.subplots()
        image = axes.imshow(gaps.T, cmap="viridis", vmin=-20, vmax=0, aspect="auto")
        labels = [line if len(line) <= LONGEST else f"{line[:LONGEST]} ..." for line in lines]
        axes.set_yticks(range(len(lines)), labels=labels, fontsize=8)
        axes.set_xticks(steps, labels=[str(i + 1) for i in steps])
        axes.set(xlabel="step")
        figure.colorbar(image, label="log p(line | z), below the likeliest")


def check_name(path: str | Path) -> Path:
    """
    Raises:
        UsageError: If the name is not that of a figure.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise UsageError(f"{path}: a figure ends in {' or '.join(KINDS)}")
    return path


def _projected(z: np.ndarray, method: str, seed: int) -> tuple[np.ndarray, list[str]]:
    """Two coordinates of each latent, and their names."""
    if method not in get_args(METHODS):
        raise UsageError(f"'method' must be one of {', '.join(get_args(METHODS))}, got '{method}'")
    if len(z) < 3 or z.shape[1] < 2:
        raise UsageError(f"a map needs 3 latents of 2 dimensions, got {len(z)} of {z.shape[1]}")
    if method == "umap":
        try:
            from umap import UMAP
        except ModuleNotFoundError as error:
            raise UsageError(
                "the method umap needs umap-learn: pip install 'textvae[plot]'; pca needs nothing"
            ) from error

        reducer = UMAP(
            n_neighbors=min(15, len(z) - 1),
            init="spectral" if len(z) > 3 else "random",  # the former takes three eigenvectors
            random_state=seed,
            n_jobs=1,
        )
        threads = torch.get_num_threads()
        try:
            return reducer.fit_transform(z), ["UMAP 1", "UMAP 2"]
        finally:
            torch.set_num_threads(threads)  # numba, which umap runs on, takes all for everybody

    from sklearn.decomposition import PCA

    reducer = PCA(2)
    places = reducer.fit_transform(z)
    shares = reducer.explained_variance_ratio_
    return places, [f"axis {i} ({s:.0%} of the variance)" for i, s in enumerate(shares, 1)]


@contextmanager
def _figure(path: str | Path, width: float, height: float) -> "Iterator[Figure]":
    """A figure in inches that is saved when the block ends, whole and the same each time."""
    path = check_name(path)
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import get_font_names

    fonts = ["DejaVu Sans", *sorted(set(FONTS) & set(get_font_names()))]
    # A sentence with two dollars is no formula.
    options = {"font.family": fonts, "svg.hashsalt": "textvae", "text.parse_math": False}
    with matplotlib.rc_context(options):
        figure = Figure((width, height), dpi=150, layout="constrained")
        yield figure
        metadata = {"Date": None} if path.suffix == ".svg" else None
        with replacing(path, "wb") as file:
            figure.savefig(file, format=path.suffix[1:], metadata=metadata)
