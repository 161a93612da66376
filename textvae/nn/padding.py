"""Padding, wherever it stands."""

__all__ = ["align"]

from torch import Tensor


def align(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Moves the real tokens of each sentence to its beginning, in their order.

    Arguments:
        x: The tokens, with shape (B, T).
        mask: Where they are real, with shape (B, T).

    Returns:
        The tokens and their mask, with padding at the end.
    """
    order = (~mask).byte().argsort(dim=1, stable=True)  # (B, T)
    return x.gather(1, order), mask.gather(1, order)
