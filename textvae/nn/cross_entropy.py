"""The log-probability of tokens under a linear layer, without all logits in memory at once."""

__all__ = ["linear_log_prob"]

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_LOGITS = 2**24
"""The logits held at once. More falls out of the processor's caches and gains nothing."""


def linear_log_prob(h: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of each target under ``softmax(h @ weight.T)``.

    Logits are computed in chunks of at most :data:`MAX_LOGITS`, in the autocast precision where
    that is on, and once more in the backward pass instead of being kept.

    Arguments:
        h: The inputs, with shape (N, H).
        weight: The output embedding, with shape (V, H).
        targets: The tokens, with shape (N,).

    Returns:
        The log-probabilities in nats, in float32 or wider, with shape (N,).
    """
    device = h.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return _LinearLogProb.apply(h.to(dtype), weight.to(dtype), targets)
    return _LinearLogProb.apply(h, weight, targets)


def _chunks(h: Tensor, weight: Tensor) -> list[slice]:
    size = max(1, MAX_LOGITS // weight.shape[0])
    return [slice(start, start + size) for start in range(0, h.shape[0], size)]


class _LinearLogProb(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, h: Tensor, weight: Tensor, targets: Tensor
    ) -> Tensor:
        ctx.save_for_backward(h, weight, targets)
        log_prob = h.new_empty(h.shape[0], dtype=torch.promote_types(h.dtype, torch.float32))
        for rows in _chunks(h, weight):
            logits = h[rows] @ weight.t()  # (n, V)
            log_prob[rows] = -F.cross_entropy(logits, targets[rows], reduction="none")
        return log_prob

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, grad: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        h, weight, targets = ctx.saved_tensors
        grad_h, grad_weight = torch.empty_like(h), None
        for rows in _chunks(h, weight):
            # d log p(y) / d logits = onehot(y) - softmax(logits)
            d = torch.softmax(h[rows] @ weight.t(), dim=-1).neg_()  # (n, V)
            d[torch.arange(d.shape[0], device=d.device), targets[rows]] += 1
            d *= grad[rows, None].to(d.dtype)
            grad_h[rows] = d @ weight
            part = d.t() @ h[rows]
            grad_weight = part if grad_weight is None else grad_weight + part
        if grad_weight is None:
            grad_weight = torch.zeros_like(weight)
        return grad_h, grad_weight, None
