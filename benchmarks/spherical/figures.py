"""The figures of docs/sphere.md."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

from textvae.distributions.bessel import kl_to_uniform
from textvae.distributions.cosine import draw_artanh_cosine

RATES = (
    "torch.randn",
    "w, fixed concentration",
    "w, one for each",
    "w, one for each, with gradient",
    "w, Wood's rejection",
    "w, grid of 2e7 points",
)


def draw(folder: Path, speed: dict[str, float]) -> None:
    """Writes density.svg, kl.svg and, where speeds were measured, speed.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    # The same bytes from the same numbers.
    matplotlib.rcParams.update({"svg.hashsalt": "sphere", "font.size": 9})
    drawn = {"density": density(), "kl": divergence()}
    if speed:
        drawn["speed"] = rates(speed)
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)


def density() -> plt.Figure:
    """The law of the cosine, by its table: normal density over the slope of w."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
    noise = torch.linspace(-4.5, 4.5, 1201, dtype=torch.float64, requires_grad=True)
    for panel, dim in zip(axes, (3, 32, 256), strict=True):
        for k in (0.0, 20.0, 80.0, 500.0):
            w = draw_artanh_cosine(noise, k, dim).tanh()
            (slope,) = torch.autograd.grad(w.sum(), noise)
            height = torch.exp(-noise.square() / 2) / math.sqrt(2 * math.pi) / slope
            panel.plot(w.detach(), height.detach(), label=f"k = {k:g}", linewidth=1)
        panel.set(title=f"d = {dim}", xlabel="cosine to the mean direction", xlim=(-1, 1))
        panel.set_ylim(0, min(30, panel.get_ylim()[1]))
    axes[0].set_ylim(0, 10)
    axes[0].set_ylabel("density")
    axes[-1].legend()
    return figure


def divergence() -> plt.Figure:
    figure, panel = plt.subplots(figsize=(5, 3), layout="constrained")
    k = torch.logspace(-1, 5, 121, dtype=torch.float64)
    for dim in (2, 8, 32, 128, 768):
        panel.loglog(k, kl_to_uniform(k, dim), label=f"d = {dim}", linewidth=1)
    panel.set(xlabel="concentration", ylabel="KL to the uniform law, nats", ylim=(1e-3, 5e3))
    panel.grid(alpha=0.3)
    panel.legend()
    return figure


def rates(speed: dict[str, float]) -> plt.Figure:
    figure, panel = plt.subplots(figsize=(5, 2.2), layout="constrained")
    shown = [name for name in RATES if name in speed][::-1]
    panel.barh(shown, [speed[name] for name in shown], height=0.6)
    panel.set(xscale="log", xlabel="million a second, one thread, d = 64")
    return figure
