"""Search: from the state of a decoder to sentences. It knows only a step function."""

from .beam import beam, beam_n_best
from .decode import STRATEGIES, Steps, decode
from .greedy import greedy
from .sampling import sample
from .step import FORBIDDEN, StepFunction

__all__ = [
    "FORBIDDEN",
    "STRATEGIES",
    "StepFunction",
    "Steps",
    "beam",
    "beam_n_best",
    "decode",
    "greedy",
    "sample",
]
