"""What several training processes tell each other. In a single process, all of it is idle."""

__all__ = [
    "all_mean",
    "all_sum",
    "gather",
    "gather_objects",
    "gather_rows",
    "rank",
    "world_size",
]

import functools
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import FunctionCtx


def world_size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def all_mean(x: Tensor) -> Tensor:
    """The mean over all processes, without a gradient; `x` itself in a single one.

    A mean over sentences, of which processes may have different numbers, is a quotient of two
    such means.
    """
    return x if world_size() == 1 else all_sum(x.detach()) / world_size()


def all_sum(x: Tensor) -> Tensor:
    """The sum over all processes. Its gradient is the sum of their gradients."""
    return x if world_size() == 1 else _AllSum.apply(x)


def gather(x: Tensor) -> Tensor:
    """The rows of all processes, without gradients, in the order of their ranks.

    Arguments:
        x: The rows of this process, with shape (n, ...), where n differs between processes.
    """
    return x if world_size() == 1 else torch.cat(_parts(x.detach()))


def gather_rows(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The rows of all processes, in the order of their ranks; gradients reach one's own.

    Where each process computes the same loss of all rows, the sum of the gradients over the
    processes is the one that a single process with all rows would have.

    Arguments:
        tensors: The rows of this process, each with shape (n, ...) and n above 0.
    """
    if world_size() == 1:
        return list(tensors)
    # In one exchange: a message costs more than what is in it.
    flat = [tensor.reshape(len(tensor), -1) for tensor in tensors]
    dtype = functools.reduce(torch.promote_types, [tensor.dtype for tensor in tensors])
    parts = _parts(torch.cat([tensor.detach().to(dtype) for tensor in flat], dim=1))
    widths = [tensor.shape[1] for tensor in flat]
    columns = [part.split(widths, dim=1) for part in parts]
    gathered = []
    for i, own in enumerate(tensors):
        rows = [part[i].reshape(-1, *own.shape[1:]).to(own.dtype) for part in columns]
        rows[rank()] = own
        gathered.append(torch.cat(rows))
    return gathered


def gather_objects(value: Any) -> list[Any]:
    """What each process has, in the order of their ranks."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def _parts(x: Tensor) -> list[Tensor]:
    """The rows of each process, which are padded on the way: their numbers may differ."""
    sizes = torch.zeros(world_size(), dtype=torch.long, device=x.device)
    sizes[rank()] = len(x)
    dist.all_reduce(sizes)
    padded = x.new_zeros(int(sizes.max()), *x.shape[1:])
    padded[: len(x)] = x
    parts = [torch.empty_like(padded) for _ in range(world_size())]
    if padded.numel() > 0:
        dist.all_gather(parts, padded)
    return [part[:size] for part, size in zip(parts, sizes.tolist(), strict=True)]


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensor:
        return _summed(grad)


def _summed(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total
