"""The terms of a batch that several processes share."""

__all__ = ["share_terms"]

from dataclasses import fields, replace
from typing import Any

from torch import Tensor
from torch.distributions import Distribution, Independent

from ..nn.distributed import gather_rows, world_size
from ..types import Terms

SAMPLES_FIRST = {"z", "log_px_z", "log_pz", "log_qz_x"}
"""The terms whose sentences stand in the second dimension."""


def share_terms(terms: Terms) -> Terms:
    """The terms of the whole batch, in each process; gradients reach its own sentences.

    An objective sees what it would see in a single process, whatever it makes of it: a mean, a
    threshold on a mean, a divergence between all pairs. In a single process nothing happens.
    """
    if world_size() == 1:
        return terms
    values = {field.name: getattr(terms, field.name) for field in fields(terms)}
    values = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    if terms.q is None:  # a language model, whose z has nothing in it
        del values["z"]
    own = [_turned(name, value) for name, value in values.items()]
    # A prior that is the same for all sentences has nothing to share.
    given = {name: getattr(terms, name) for name in ("q", "p")}
    given = {name: one for name, one in given.items() if one is not None and one.batch_shape}
    parameters = {name: _parameters(one) for name, one in given.items()}
    rows = iter(gather_rows([*own, *(row for of in parameters.values() for row in of.values())]))
    shared: dict[str, Any] = {name: _turned(name, next(rows)) for name in values}
    for name, of in parameters.items():
        shared[name] = _with_parameters(given[name], {key: next(rows) for key in of})
    if terms.q is None:
        shared["z"] = terms.z.new_zeros(len(terms.z), len(shared["num_tokens"]), 0)
    return replace(terms, **shared, own=terms)


def _turned(name: str, value: Tensor) -> Tensor:
    return value.transpose(0, 1) if name in SAMPLES_FIRST else value


def _parameters(q: Distribution) -> dict[str, Tensor]:
    """The parameters that differ between sentences, which stand in their first dimension."""
    if isinstance(q, Independent):
        return _parameters(q.base_dist)
    given = {name: vars(q)[name] for name in q.arg_constraints if name in vars(q)}
    # What is learned for all sentences at once is one of each: else every process would count the
    # gradient of all of them.
    given = {
        name: value.expand(q.batch_shape) if value.requires_grad and value.dim() == 0 else value
        for name, value in given.items()
    }
    return {name: value for name, value in given.items() if value.dim() > 0}


def _with_parameters(q: Distribution, parameters: dict[str, Tensor]) -> Distribution:
    if isinstance(q, Independent):
        base = _with_parameters(q.base_dist, parameters)
        return Independent(base, q.reinterpreted_batch_ndims, validate_args=False)
    given = {name: vars(q)[name] for name in q.arg_constraints if name in vars(q)}
    return type(q)(**given | parameters, validate_args=False)
