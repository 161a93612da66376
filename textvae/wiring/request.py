"""From a command line to what it asks for."""

__all__ = ["Request", "parse"]

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass

from jsonargparse import Namespace

from ..errors import UsageError
from ..runs import Run
from .configs import find_fragment
from .parser import GROUPS, make_parser
from .texts import settle_models, settle_text

EMBEDDED = "grammar"
"""The configuration of a command line that names neither a configuration nor a text."""

SEEDS = 2**32
"""How many seeds NumPy takes."""


@dataclass(frozen=True)
class Request:
    """What a command line asks for.

    Arguments:
        config: All that decides the result, the groups and the seed.
        run: The folder, whose name may still be in use.
        resume: Whether to continue what is there.
        profile: Whether to say where the time goes.
    """

    config: Namespace
    run: Run
    resume: bool
    profile: bool = False


def parse(argv: Sequence[str], on_top: Sequence[str] = ()) -> Request:
    """Parses the options of ``textvae train``, which may stand in any order.

    Configurations come first, in the order given; ``--text`` is said on top of them, and all
    other options on top of that. Without configuration and text it is the embedded corpus.

    Arguments:
        argv: The options.
        on_top: Configurations to say after those among the options.

    Raises:
        UsageError: If something is wrong with them, in one line.
    """
    first, rest = shortcuts(argv)
    resumed = None if first.resume is None else Run.existing(first.resume)
    if resumed is not None:
        first.config.insert(0, str(resumed.config))
    chosen = {option.partition("=")[0] for option in rest}
    if not first.config and first.text is None and "--data" not in chosen:
        first.config.append(EMBEDDED)
    options = [f"--config={config}" for config in (*first.config, *on_top)]
    options += [] if first.text is None or "--data" in chosen else ["--data=TextData"]
    rest = by_path(rest)
    if first.text is not None:
        text = first.text[0] if len(first.text) == 1 else json.dumps(first.text)
        # Behind the class that it is of, if one is named: streams have a text too.
        rest.insert(len(rest) if "--data" in chosen else 0, f"--data.text={text}")

    config = make_parser(shortcuts=True).parse_args(options + rest)
    if config.seed >= SEEDS:
        raise UsageError(f"seed: expected a number below {SEEDS}, got {config.seed}")
    name = config.pop("name")
    if resumed is not None and name is not None:
        raise UsageError(f"--name: a resumed run keeps its name; leave out --name {name}")
    profile = config.pop("profile")
    for shortcut in ("config", "text", "resume"):
        config.pop(shortcut)
    settle_models(config)
    default = Run.unused(settle_text(config) or "grammar")
    run = resumed or (Run.named(name) if name else default)
    return Request(config, run, resumed is not None, profile)


def shortcuts(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options whose place does not matter, and all others."""
    front = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    front.add_argument("--config", action="append", default=[])
    front.add_argument("--text", nargs="+", action="extend")
    front.add_argument("--resume")
    try:
        return front.parse_known_args(argv)
    except argparse.ArgumentError as error:
        raise UsageError(str(error)) from error


def by_path(argv: Sequence[str]) -> list[str]:
    """Replaces the names of shipped fragments by their paths: ``--posterior vmf``."""
    argv = list(argv)
    for i, option in enumerate(argv):
        group, _, value = option.removeprefix("--").partition("=")
        if group in GROUPS and option.startswith("--"):
            if value:
                argv[i] = f"--{group}={find_fragment(group, value)}"
            elif i + 1 < len(argv):
                argv[i + 1] = find_fragment(group, argv[i + 1])
    return argv
