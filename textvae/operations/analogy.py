"""What is to c as b is to a."""

__all__ = ["analogy"]

from typing import Any

from ..api import TextVAE
from ..decoding import STRATEGIES
from .space import displaced, is_sphere


def analogy(
    vae: TextVAE, a: str, b: str, c: str, strategy: STRATEGIES = "greedy", **options: Any
) -> str:
    """Writes the sentence at b - a + c; on a sphere, where the rotation from a to b takes c.

    References:
        | Linguistic Regularities in Continuous Space Word Representations (Mikolov et al., 2013)
        | https://aclanthology.org/N13-1090

    Arguments:
        vae: The model.
        a: A sentence.
        b: What it becomes.
        c: Another sentence, that is to become something in the same way.
        strategy: greedy, beam or sample.
        options: Those of :meth:`textvae.TextVAE.decode`.
    """
    z_a, z_b, z_c = vae.encode([a, b, c])
    z = displaced(z_c, z_a, z_b, is_sphere(vae))
    return vae.decode(z[None], strategy, **options)[0]
