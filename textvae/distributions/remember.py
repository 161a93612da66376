"""Results that are computed once for the same arguments, also where `torch.compile` traces."""

__all__ = ["remember"]

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any


def remember(maxsize: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Remembers the results of a function; to a compiler each is a constant.

    Arguments:
        maxsize: How many results are kept.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        cached = lru_cache(maxsize)(function)

        # A plain function: the compiler looks through one of lru_cache, and traces what is inside.
        @wraps(function)
        def constant(*arguments: Any) -> Any:
            return cached(*arguments)

        del constant.__wrapped__
        # As torch.compiler.assume_constant_result does, which imports the compiler first: 0.8 s.
        constant._dynamo_marked_constant = True
        return constant

    return decorate
