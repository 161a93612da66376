"""What several training processes tell each other. In a single process, all of it is idle."""

__all__ = ["all_mean", "all_sum", "gather", "gather_objects", "rank", "world_size"]

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
    if world_size() == 1:
        return x
    return all_sum(x.detach()) / world_size()


def all_sum(x: Tensor) -> Tensor:
    """The sum over all processes. Its gradient is the sum of their gradients."""
    return _AllSum.apply(x) if world_size() > 1 else x


def gather(x: Tensor) -> Tensor:
    """The rows of all processes, without gradients, in the order of their ranks.

    Arguments:
        x: The rows of this process, with shape (n, ...), where n differs between processes.
    """
    if world_size() == 1:
        return x
    sizes = torch.zeros(world_size(), dtype=torch.long, device=x.device)
    sizes[rank()] = len(x)
    dist.all_reduce(sizes)
    padded = x.new_zeros(int(sizes.max()), *x.shape[1:])
    padded[: len(x)] = x.detach()
    parts = [torch.empty_like(padded) for _ in range(world_size())]
    dist.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes.tolist(), strict=True)])


def gather_objects(value: Any) -> list[Any]:
    """What each process has, in the order of their ranks."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensor:
        total = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total
