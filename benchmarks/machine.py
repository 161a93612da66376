"""What the machine can do: its best rate of matrix products, and of copies."""

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping

import torch

from textvae.nn import matmul

SHAPES = [(512, 2048, 512), (704, 10_000, 256), (704, 10_000, 1024), (2048, 2048, 2048)]
"""M, N, K of the products to try: square ones, and those of a softmax over ten thousand words."""

ROUNDS = 3
"""How often the calls that are compared take turns."""


def synchronise(device: torch.device) -> None:
    """Waits for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(
    calls: Mapping[str, Callable[[], object]], device: torch.device, budget: float = 1.0
) -> dict[str, float]:
    """The median time of each call, repeated for about `budget` seconds after a first.

    They take turns, in :data:`ROUNDS`, so that a machine that is slower for a while is so for all.
    On a processor with one thread it is the processor's time, which other work on the machine
    moves little.
    """
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.thread_time if alone else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    synchronise(device)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            turn: list[float] = []
            while not turn or (sum(turn) < budget / ROUNDS and len(turn) < 70):
                start = clock()
                call()
                synchronise(device)
                turn.append(clock() - start)
            times[name] += turn
    return {name: statistics.median(some) for name, some in times.items()}


def best_rates(dtype: torch.dtype, device: torch.device) -> dict[str, float]:
    """The best rates over :data:`SHAPES` of PyTorch's product and of ours, operations a second."""
    rates: dict[str, list[float]] = {"pytorch": [], "ours": []}
    for m, n, k in SHAPES:
        a = torch.randn(m, k, device=device, dtype=dtype)
        b = torch.randn(k, n, device=device, dtype=dtype)
        calls = {"pytorch": lambda a=a, b=b: torch.mm(a, b), "ours": lambda a=a, b=b: matmul(a, b)}
        with torch.no_grad():
            times = seconds(calls, device, 0.3)
        for name, time_of_product in times.items():
            rates[name].append(2 * m * n * k / time_of_product)
    return {name: max(found) for name, found in rates.items()}


def copy_bandwidth(device: torch.device) -> float:
    """Bytes read and written a second by a copy that no cache holds."""
    a = torch.randn(2**26, device=device)
    b = torch.empty_like(a)
    (time_of_copy,) = seconds({"copy": lambda: b.copy_(a)}, device, 0.5).values()
    return 2 * a.numel() * a.element_size() / time_of_copy


def name(device: torch.device) -> dict[str, object]:
    """The hardware and the versions."""
    found = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": found,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
    }


def describe(device: torch.device) -> dict[str, object]:
    """The hardware by name and by what it can do."""
    wide = best_rates(torch.float32, device)
    return {
        **name(device),
        "rate_float32": max(wide.values()),
        "rate_float32_pytorch": wide["pytorch"],
        "rate_bfloat16": max(best_rates(torch.bfloat16, device).values()),
        "copy_bandwidth": copy_bandwidth(device),
    }


def peak_memory(device: torch.device) -> int:
    """The most bytes that were in use: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
        flags = {key.strip(): value for key, value in lines.items()}["flags"].split()
        model = {key.strip(): value.strip() for key, value in lines.items()}["model name"]
        return model + (" with bf16 instructions" if "amx_bf16" in flags else "")
    except (OSError, KeyError):
        return platform.processor() or platform.machine()
