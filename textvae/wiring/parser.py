"""From options and YAML files to a checked configuration, and from that to objects."""

__all__ = ["GROUPS", "dump", "instantiate", "make_parser"]

import inspect
import os
from functools import cache
from typing import Any, NoReturn

import jsonargparse._typehints as typehints
import pytorch_lightning as pl
import yaml
from jsonargparse import ActionConfigFile, ArgumentParser, Namespace, get_loader, set_loader
from jsonargparse.typing import NonNegativeInt, PositiveInt

from .. import schedules  # noqa: F401  short names are those of imported classes
from ..data import (  # noqa: F401
    CharacterTokenizer,
    GrammarData,
    PretrainedTokenizer,
    SentencePieceTokenizer,
    StreamData,
    TextData,
    WordTokenizer,
)
from ..errors import UsageError
from .build import build
from .configs import CONFIGS, find_config
from .messages import one_line, option_error

GROUPS = (*inspect.signature(build).parameters, "trainer")
"""The groups of a configuration, all at its top level."""

RUN_SETS = {
    "logger",
    "default_root_dir",
    "plugins",
    "enable_checkpointing",
    "enable_model_summary",
}
"""What a run decides itself, and no option sets: where it logs and saves."""


class Parser(ArgumentParser):
    """A parser whose errors are one line each, with the nearest name that exists."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        # Parsers of nested classes are of this class too and come first, so that the options to
        # choose from are those of the class that the mistake is in.
        if isinstance(ex, UsageError):
            raise ex
        told = option_error(message, [action.dest for action in self._actions])
        raise UsageError(told or one_line(message)) from ex


def start_clean(_: object, previous: dict, value: dict) -> None:
    """A class named anew starts from its own defaults, not from equal-named options before it."""
    if previous and "init_args" in previous and previous["class_path"] != value["class_path"]:
        previous.pop("init_args")


apply_file = ActionConfigFile.apply_config


def apply_config(parser: Parser, config: Namespace, dest: str, value: str) -> None:
    """Finds a configuration by name, too, and names the file in its errors."""
    try:
        apply_file(parser, config, dest, str(find_config(value)))
    except UsageError as error:
        where = "" if str(error).startswith("--config") else f"{value}: "
        raise UsageError(f"{where}{error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{value}: no text in UTF-8, so no YAML") from error


def one_file(value: Any) -> Any:
    """What `config` in a YAML file may be: one name, which jsonargparse replaces by the paths that
    it has read. A list of names it would keep, and read none."""
    read = isinstance(value, list) and all(isinstance(path, os.PathLike) for path in value)
    if not (read or isinstance(value, str)):
        raise ValueError(f"one file, got {value}; say the others by --config, one each")
    return value


load_yaml = get_loader("yaml")


def base_first(text: str) -> Any:
    """Loads YAML so that `config`, which comes below what else a file says, is read first."""
    value = load_yaml(text)
    based = isinstance(value, dict) and "config" in value
    return {"config": value["config"], **value} if based else value


set_loader("yaml", base_first, (yaml.YAMLError,))

# Neither has a public hook; tests hold both, and the version is pinned.
typehints.discard_init_args_on_class_path_change = start_clean
ActionConfigFile.apply_config = staticmethod(apply_config)


def construct(cls: type, *args: Any, **kwargs: Any) -> Any:
    """Builds a component; what its constructor refuses is the user's to mend."""
    try:
        return cls(*args, **kwargs)
    except UsageError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        if os.environ.get("TEXTVAE_DEBUG") == "1":
            raise
        raise UsageError(f"{cls.__name__}: {error}") from error


@cache
def make_parser(shortcuts: bool = False) -> Parser:
    """The parser that the signature of :func:`build` makes.

    Arguments:
        shortcuts: Whether it is for a command line, where more stands than config.yaml may hold.
    """
    parser = Parser(
        prog="textvae train",
        usage="textvae train [--text FILE] [--name NAME] [--config NAME] [--GROUP.OPTION VALUE]",
        description="Trains a model on a text file and reports its numbers.",
        allow_abbrev=False,
        default_config_files=[str(CONFIGS / "experiment" / "default.yaml")],
    )
    if shortcuts:
        add = parser.add_argument
        add("--text", help="a text file or folder; short for --data TextData --data.text TEXT")
        add("--name", help="the run's name: its folder is runs/NAME")
        add("--resume", help="the run to continue, with the options it began with")
        add("--profile", action="store_true", help="write a trace and say where the time goes")
    parser.add_argument(
        "--config", action="config", type=one_file, help="a file, or a shipped configuration"
    )
    parser.add_argument(
        "--seed", type=NonNegativeInt, default=0, help="the seed of all that is random"
    )
    parser.add_argument(
        "--samples", type=PositiveInt, default=500, help="the samples S of the report"
    )
    parser.add_function_arguments(build, sub_configs=True)
    parser.add_class_arguments(pl.Trainer, "trainer", instantiate=False, skip=RUN_SETS)
    return parser


def instantiate(config: Namespace) -> dict[str, Any]:
    """Builds what can be built before the data is read: one object or constructor a group.

    Raises:
        UsageError: If a constructor refuses its arguments.
    """
    try:
        # As a dictionary, since a Namespace has a method named update.
        built = make_parser().instantiate(config, instantiators=[(construct, object, True)])
        parts = built.as_dict()
    except UsageError:
        raise
    except ValueError as error:  # a refusal inside a union comes wrapped
        raise UsageError(one_line(str(error))) from error
    return {name: parts[name] for name in GROUPS}


def dump(config: Namespace) -> str:
    """The configuration as YAML that repeats it, defaults and nulls included."""
    return make_parser().dump(config, skip_unset=False)
