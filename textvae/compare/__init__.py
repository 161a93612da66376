"""Many methods, one protocol: a comparison that can be believed."""

from .compare import compare
from .plan import Plan, make_plan, method_names

__all__ = ["Plan", "compare", "make_plan", "method_names"]
