"""Every method's model, built once before any is trained: what is refused, or remarked on."""

__all__ = ["build_all"]

from ..data import SentenceData
from ..errors import UsageError
from ..wiring.build import build
from ..wiring.combinations import check_combination
from ..wiring.parser import instantiate
from .execute import first_line
from .plan import Plan, Task


def build_all(plan: Plan, data: SentenceData) -> list[str]:
    """What there is to know of the methods, a line each.

    Arguments:
        plan: The comparison.
        data: Its data, prepared.

    Raises:
        UsageError: If the parts of a method do not go together, or not with the data.
    """
    lines = []
    for method in plan.configs:
        try:
            lines += [f"{method}: {line}" for line in build_one(plan.of(method)[0], data)]
        except Exception as error:  # of whatever class a method may name
            raise UsageError(f"method {method}: {first_line(error)}") from error
    return lines


def build_one(task: Task, data: SentenceData) -> list[str]:
    """What there is to know of the model of a run, which is not kept."""
    parts = instantiate(task.config) | {"data": data}
    del parts["trainer"]
    module = build(**parts)
    module.configure_optimizers()  # which has refusals of its own
    lines, samples = check_combination(module.vae, module.objective), module.objective.num_samples
    more = [f"decodes {samples} samples of each sentence, not 1"] if samples > 1 else []
    return [*lines, *more]
