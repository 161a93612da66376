"""Evaluation by the protocol: every number, whole, with its standard error."""

from .evaluation import evaluate, score
from .report import Evaluation

__all__ = ["Evaluation", "evaluate", "score"]
