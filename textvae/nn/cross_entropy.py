"""The log-probability of tokens under a linear layer, without all logits in memory at once."""

__all__ = ["linear_log_prob"]

import itertools

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.profiler import record_function

from .products import matmul

MAX_LOGITS = 2**26
"""The most logits in memory at once: what a training batch of several thousand tokens needs."""

CACHED_LOGITS = 2**23
"""Those at once on a processor where none are kept: with fewer the weight is read more often, with
more they leave the caches between product and softmax."""


@record_function("softmax")  # for whoever profiles
def linear_log_prob(h: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of each target under ``softmax(h @ weight.T)``.

    At most :data:`MAX_LOGITS` logits are in memory at once, in the autocast precision where that
    is on. The backward pass reuses the probabilities if these are all; else it computes them once
    more.

    Arguments:
        h: The inputs, with shape (N, H).
        weight: The output embedding, with shape (V, H).
        targets: The tokens, with shape (N,).

    Returns:
        The log-probabilities in nats, in float32 or wider, with shape (N,).
    """
    device = h.device.type
    if not torch.is_grad_enabled():  # which a function's `needs_input_grad` does not know
        h, weight = h.detach(), weight.detach()
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return _LinearLogProb.apply(h.to(dtype), weight.to(dtype), targets)
    return _LinearLogProb.apply(h, weight, targets)


class _LinearLogProb(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, h: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        keep = any(ctx.needs_input_grad) and len(h) * len(weight) <= MAX_LOGITS
        chunks = [slice(0, len(h))] if keep else _chunks(h, weight)
        log_prob = h.new_empty(len(h), dtype=torch.promote_types(h.dtype, torch.float32))
        room = _room(chunks, weight)
        for rows in chunks:
            p = _probabilities(h[rows], weight, room)
            log_prob[rows] = _log_of_target(p, h[rows], weight, targets[rows])
        error = _subtract_target(p, targets) if keep else None
        ctx.save_for_backward(h, weight, targets, error)
        return log_prob

    @staticmethod
    @once_differentiable  # what is kept is a number to a second derivative, which would be wrong
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        # d log p(y) / d logits = onehot(y) - p. The weight of a token goes on h and on its
        # gradient, which are smaller than the logits.
        h, weight, targets, kept = ctx.saved_tensors
        minus_grad = -grad[:, None].to(h.dtype)  # (N, 1)
        scaled = minus_grad * h  # (N, H)
        if kept is not None:
            return minus_grad * matmul(kept, weight), matmul(kept.t(), scaled), None

        grad_h = torch.empty_like(h)
        # Summed over chunks in float32: bfloat16 would lose what comes late.
        grad_weight = torch.zeros_like(weight, dtype=torch.promote_types(h.dtype, torch.float32))
        chunks = _chunks(h, weight)
        room = _room(chunks, weight)
        for rows in chunks:
            p = _probabilities(h[rows], weight, room)
            error = _subtract_target(p, targets[rows])  # (n, V)
            grad_h[rows] = minus_grad[rows] * matmul(error, weight)
            grad_weight += matmul(error.t(), scaled[rows])
        return grad_h, grad_weight.to(weight.dtype), None


def _chunks(h: Tensor, weight: Tensor) -> list[slice]:
    """Rows to take at once, about as many each time."""
    at_once = min(MAX_LOGITS, CACHED_LOGITS) if h.device.type == "cpu" else MAX_LOGITS
    count = max(1, -(-len(h) // max(1, at_once // len(weight))))
    bounds = [len(h) * i // count for i in range(count + 1)]
    return [slice(start, end) for start, end in itertools.pairwise(bounds)]


def _room(chunks: list[slice], weight: Tensor) -> Tensor:
    """Room for the logits of any chunk: fresh pages for each cost time, which oneDNN alone, that
    takes no room, wins back."""
    return weight.new_empty(max(rows.stop - rows.start for rows in chunks), len(weight))


def _probabilities(h: Tensor, weight: Tensor, room: Tensor) -> Tensor:
    """The softmax of the logits, with shape (n, V), in the room's first rows or beside it."""
    logits = matmul(h, weight.t(), room[: len(h)])
    return torch.softmax(logits, dim=-1, out=logits)


def _subtract_target(p: Tensor, targets: Tensor) -> Tensor:
    """p - onehot(y), in place."""
    p[torch.arange(len(p), device=p.device), targets] -= 1
    return p


def _log_of_target(p: Tensor, h: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """log p of each target. A softmax in bfloat16 is exact to a part in 500, its logarithm then
    to 0.002; a log-softmax in bfloat16 is off by ten times that."""
    chosen = p.gather(1, targets[:, None])[:, 0]  # (n,)
    wide = torch.promote_types(p.dtype, torch.float32)
    # Below that, digits are lost: in float16, already under 0.00006.
    tiny = chosen < torch.finfo(p.dtype).tiny
    if not tiny.any():
        return chosen.to(wide).log()
    # Where a probability underflows, its logarithm does not.
    logits = (h[tiny] @ weight.t()).to(wide)
    exact = logits.log_softmax(dim=-1).gather(1, targets[tiny, None])[:, 0]
    return chosen.to(wide).log().masked_scatter(tiny, exact)
