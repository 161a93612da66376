"""What all exchangeable parts have in common: they remember how they were built."""

__all__ = ["Component", "class_path", "describe"]

import inspect
from typing import Any


class Component:
    """A class whose instances remember the arguments of their constructor.

    The constructor is the configuration: a model folder keeps :func:`describe` of each part and
    rebuilds it from that, so that nothing is ever pickled.
    """

    init_args: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> "Component":
        """Notes the arguments before the constructor sees them."""
        self = super().__new__(cls)
        bound = inspect.signature(cls.__init__).bind_partial(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        arguments.pop(next(iter(arguments)))  # self
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(name, {})
            elif parameter.kind is parameter.VAR_POSITIONAL and not arguments.get(name):
                arguments.pop(name, None)  # as where a class has no constructor of its own
        # Past Module.__setattr__, which does not work before Module.__init__ has run.
        object.__setattr__(self, "init_args", arguments)
        return self

    def stored_args(self) -> dict[str, Any]:
        """The arguments that build it again from a model folder, without what else it was built
        from, such as pretrained weights."""
        return self.init_args


def class_path(cls: type) -> str:
    """The dotted path under which `cls` is imported."""
    return f"{cls.__module__}.{cls.__qualname__}"


def describe(value: Any) -> Any:
    """Turns a component, or a value holding components, into plain data for JSON and YAML."""
    if isinstance(value, Component):
        arguments = {name: describe(argument) for name, argument in value.stored_args().items()}
        return {"class_path": class_path(type(value)), "init_args": arguments}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, dict):
        return {key: describe(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"Cannot write {value!r} of type {type(value).__name__} into a configuration.")
