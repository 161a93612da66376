"""Numbers in half precision: where they are asked for, and what they are too coarse for."""

__all__ = ["PRECISIONS", "at_least_float32", "emulates_bf16", "mixed"]

import platform
from typing import Literal, get_args

import torch
from torch import Tensor

from ..errors import UsageError

PRECISIONS = Literal["32", "bf16-mixed", "16-mixed"]


def at_least_float32(x: Tensor) -> Tensor:
    """The same values, in float32 where they are in half precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def emulates_bf16() -> bool:
    """Whether the processor is known to compute in bf16 by other instructions, which is slow."""
    try:
        if platform.machine().lower() in ("x86_64", "amd64"):
            # What oneDNN calls supported includes processors whose AVX-512 has no bf16.
            return not (
                torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
            )
        return not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    except (AttributeError, RuntimeError):  # another version of PyTorch, or one without oneDNN
        return False


def mixed(device: torch.device, precision: PRECISIONS) -> torch.autocast:
    """A context whose matrix products are in some precision; for 32, in that of their operands,
    whatever context is around.

    Arguments:
        device: Where they are computed.
        precision: 32, bf16-mixed or 16-mixed.

    Raises:
        ValueError: If there is no such precision.
        UsageError: If the device cannot compute in it.
    """
    if precision not in get_args(PRECISIONS):
        known = ", ".join(get_args(PRECISIONS))
        raise ValueError(f"'precision' must be one of {known}, got {precision}.")
    if precision == "16-mixed" and device.type == "cpu":
        raise UsageError("Precision 16-mixed needs a GPU: take bf16-mixed on a processor.")
    dtype = torch.float16 if precision == "16-mixed" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "32")
