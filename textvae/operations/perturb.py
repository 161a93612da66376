"""Sentences around one."""

__all__ = ["perturb"]

from typing import Any

from ..api import TextVAE
from ..decoding import STRATEGIES
from .space import is_sphere, perturbed


def perturb(
    vae: TextVAE,
    text: str,
    n: int = 10,
    scale: float = 0.5,
    seed: int = 0,
    strategy: STRATEGIES = "greedy",
    **options: Any,
) -> list[str]:
    """Writes the sentences of latents around that of one sentence.

    Arguments:
        vae: The model.
        text: The sentence.
        n: How many to write.
        scale: How far to go: the standard deviation of the noise, in those of N(0, I); on a
            sphere the angle in radians.
        seed: The seed of the noise and of sampling.
        strategy: greedy, beam or sample.
        options: Those of :meth:`textvae.TextVAE.decode`.
    """
    (z,) = vae.encode([text])
    around = perturbed(z, n, scale, seed, is_sphere(vae))
    # Another seed for the words: the same one would draw them by the numbers behind the noise.
    return vae.decode(around, strategy, seed=seed + 1, **options)
