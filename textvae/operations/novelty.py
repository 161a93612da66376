"""How much of what a model writes it has read."""

__all__ = ["Novelty", "novelty"]

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True)
class Novelty:
    """What became of samples beside training sentences.

    Arguments:
        samples: How many samples there are.
        copies: The share of them that is a training sentence, word for word.
        distinct: The share that is left when each is counted once.
        copied: The copies, each once, in the order of the samples.
    """

    samples: int
    copies: float
    distinct: float
    copied: list[str]


def novelty(samples: Sequence[str], training: Iterable[str]) -> Novelty:
    """Compares samples with training sentences, whitespace apart.

    Arguments:
        samples: At least one sentence.
        training: The training sentences, read once.
    """
    normal = [" ".join(sample.split()) for sample in samples]
    known = {_print(" ".join(text.split())) for text in training}
    copied = [sample for sample in normal if _print(sample) in known]
    return Novelty(
        samples=len(normal),
        copies=len(copied) / len(normal),
        distinct=len(set(normal)) / len(normal),
        copied=list(dict.fromkeys(copied)),
    )


def _print(text: str) -> bytes:
    """16 bytes that stand for a sentence, so that a large corpus fits into memory."""
    return blake2b(text.encode("utf-8"), digest_size=16).digest()
