"""Products of matrices, by the faster of the libraries that PyTorch brings."""

__all__ = ["linear", "matmul"]

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

FEW_ROWS = 32
"""For fewer, what prepares a faster product takes longer than it saves."""


def matmul(a: Tensor, b: Tensor, room: Tensor | None = None) -> Tensor:
    """``a @ b``.

    Where nothing asks for gradients, float32 goes to oneDNN on those processors of AMD that have
    AVX-512, with half of which MKL, PyTorch's own choice, makes do: twice as fast.

    Arguments:
        a: A matrix of shape (N, K).
        b: Another, of shape (K, M).
        room: Memory of shape (N, M) that the product may take, or None.

    Returns:
        The product, with shape (N, M): `room`, or memory of its own.
    """
    if _by_onednn(a, b):
        if a.numel() > b.numel() and not a.is_contiguous() and a.t().is_contiguous():
            # It copies a left operand that lies the other way: let that be the smaller one.
            return torch.ops.mkldnn._linear_pointwise(b.t(), a, None, "none", [], "").t()
        # It multiplies a part of a wider matrix number by number.
        weight = b.t() if b.is_contiguous() else b.t().contiguous()
        return torch.ops.mkldnn._linear_pointwise(a, weight, None, "none", [], "")
    return torch.mm(a, b, out=room)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T`` of matrices, as :func:`matmul`; under autocast in its precision."""
    if torch.is_autocast_enabled(x.device.type):
        return F.linear(x, weight)  # of a parameter, autocast keeps what it has converted
    return matmul(x, weight.t())


def _by_onednn(a: Tensor, b: Tensor) -> bool:
    return (
        a.dtype == b.dtype == torch.float32
        and a.device.type == "cpu"
        and not torch.is_grad_enabled()  # it has no backward pass
        and not torch.is_autocast_enabled("cpu")  # it would not be converted
        and not torch.compiler.is_compiling()
        and a.numel() > 0
        and b.numel() > 0
        # A part of a wider matrix would be copied.
        and (b.is_contiguous() or b.t().is_contiguous() or len(a) >= FEW_ROWS)
        and onednn_is_faster()
    )


@functools.cache
def onednn_is_faster() -> bool:
    """Whether this processor is known to multiply in float32 faster by oneDNN than by MKL."""
    try:
        processor = torch.cpu.get_capabilities()
        known = "AMD" in processor["cpu_name"] and processor["avx512_f"]
        return known and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    except (AttributeError, KeyError):  # another version of PyTorch
        return False
