"""From a vector per token to a vector per sentence."""

__all__ = ["POOLINGS", "pool"]

from typing import Literal

from torch import Tensor

POOLINGS = Literal["last", "mean", "max"]


def pool(h: Tensor, mask: Tensor, pooling: POOLINGS) -> Tensor:
    """Pools over the real tokens of each sentence.

    Arguments:
        h: A vector per token, with shape (B, T, H).
        mask: Where tokens are real, with shape (B, T), padding at the end.
        pooling: The last real token, the mean or the maximum of all of them.

    Returns:
        A vector per sentence, with shape (B, H).
    """
    if pooling == "last":
        last = mask.sum(dim=1) - 1  # (B,)
        return h.gather(1, last[:, None, None].expand(-1, 1, h.shape[-1])).squeeze(1)
    if pooling == "mean":
        real = mask[..., None].to(h.dtype)
        return (h * real).sum(dim=1) / real.sum(dim=1)
    if pooling == "max":
        return h.masked_fill(~mask[..., None], float("-inf")).amax(dim=1)
    raise ValueError(f"'pooling' must be last, mean or max, got {pooling!r}.")
