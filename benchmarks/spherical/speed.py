"""Speed on one thread, in processor time, which other work on the machine moves little."""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import ive
from torch.distributions import kl_divergence

from textvae.distributions import HypersphericalUniform, PowerSpherical, VonMisesFisher
from textvae.distributions.bessel import kl_to_uniform
from textvae.distributions.cosine import draw_artanh_cosine

from .references import GRID_POINTS, GridInverse, wood_cosine, wood_sample

DIM = 64
CONCENTRATION = 50.0
SIZE = 1_000_000
ROWS = 20_000
BATCH = (128, 16)
KLS = 100_000

TARGETS = {
    "w, fixed concentration": 0.15,
    "w, one for each": 0.04,
    "w, one for each, with gradient": 0.02,
}
"""The least rates, as parts of that of `torch.randn`."""


def seconds(call: Callable[[], object], device: str, budget: float = 1.0) -> float:
    """The median time of a call, of at least five after a first: of this thread, or of a GPU."""
    clock = time.thread_time if device == "cpu" else _gpu_time
    call()
    times: list[float] = []
    while len(times) < 5 or (sum(times) < budget and len(times) < 200):
        start = clock()
        call()
        times.append(clock() - start)
    return sorted(times)[len(times) // 2]


def _gpu_time() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def measure(device: str = "cpu") -> dict[str, float]:
    """Rates in millions a second, times in milliseconds."""
    return {**cosines(device), **samples(device), **divergences(device), **batch(device)}


def cosines(device: str) -> dict[str, float]:
    k = (200 * torch.rand(SIZE, device=device)).requires_grad_()

    def draw(concentration: torch.Tensor | float) -> torch.Tensor:
        return draw_artanh_cosine(torch.randn(SIZE, device=device), concentration, DIM).tanh()

    calls = {
        "torch.randn": lambda: torch.randn(SIZE, device=device),
        "w, fixed concentration": lambda: draw(CONCENTRATION),
        "w, one for each": lambda: draw(k.detach()),
        "w, one for each, with gradient": lambda: torch.autograd.grad(draw(k).sum(), k),
        "w, Wood's rejection": lambda: wood_cosine(CONCENTRATION, DIM, SIZE),
    }
    rates = {name: SIZE / seconds(call, device) / 1e6 for name, call in calls.items()}
    if device != "cpu":
        return rates
    start = time.thread_time()
    grid = GridInverse(CONCENTRATION, DIM)
    rates["grid of 2e7 points, ms to build"] = 1e3 * (time.thread_time() - start)
    rates["grid of 2e7 points, MB kept"] = 2 * 8 * GRID_POINTS / 1e6
    rates["w, grid of 2e7 points"] = SIZE / seconds(lambda: grid.sample(SIZE), device) / 1e6
    return rates


def samples(device: str) -> dict[str, float]:
    loc = F.normalize(torch.randn(ROWS, DIM, device=device), dim=-1)
    q = VonMisesFisher(loc, CONCENTRATION, validate_args=False)
    p = PowerSpherical(loc, CONCENTRATION, validate_args=False)
    calls = {
        "z": q.sample,
        "z, Power Spherical": p.sample,
        "z, Wood's rejection": lambda: wood_sample(loc.cpu(), CONCENTRATION),
    }
    return {name: ROWS / seconds(call, device) / 1e6 for name, call in calls.items()}


def divergences(device: str) -> dict[str, float]:
    k = (200 * torch.rand(KLS, device=device)).requires_grad_()
    doubles = k.detach().double().cpu().numpy()

    def copied() -> np.ndarray:
        """The widely copied way, with its gradient k A'."""
        v = DIM / 2 - 1
        lower, upper = ive(v, doubles), ive(v + 1, doubles)
        a = upper / lower
        return doubles * (1 - a**2 - (2 * v + 1) / doubles * a)

    def ours() -> object:
        return torch.autograd.grad(kl_to_uniform(k, DIM).sum(), k)

    return {
        "KL with gradient, ms": 1e3 * seconds(ours, device),
        "KL with gradient by scipy, ms": 1e3 * seconds(copied, "cpu"),
    }


def batch(device: str) -> dict[str, float]:
    """Forward and backward of z and KL for one batch."""
    h = torch.randn(BATCH, device=device, requires_grad=True)
    k = torch.full(BATCH[:1], CONCENTRATION, device=device, requires_grad=True)
    p = HypersphericalUniform(BATCH[1], device, validate_args=False)

    def step(concentration: torch.Tensor | float) -> None:
        q = VonMisesFisher(F.normalize(h, dim=-1), concentration, validate_args=False)
        (q.rsample().sum() + kl_divergence(q, p).sum()).backward()

    return {
        "batch of 128 at d = 16, fixed, ms": 1e3 * seconds(lambda: step(CONCENTRATION), device),
        "batch of 128 at d = 16, one for each, ms": 1e3 * seconds(lambda: step(k), device),
    }
