"""Evaluation by the protocol: every number, whole, with its standard error."""

from .evaluation import PRECISIONS, evaluate, score
from .report import Evaluation

__all__ = ["PRECISIONS", "Evaluation", "evaluate", "score"]
