"""What a comparison is to run: every method with every seed, on the same data."""

__all__ = ["BASELINE", "Plan", "Task", "differences", "make_plan", "method_names"]

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace

from ..errors import UsageError
from ..runs import Run
from ..wiring.configs import CONFIGS, find_config
from ..wiring.parser import dump, instantiate
from ..wiring.request import parse
from ..wiring.texts import settle_text

BASELINE = "lm"
"""The method that every comparison has: a language model, which no latent helps."""

OF_LATENTS = ("encoder", "posterior", "prior", "auxiliary", "objective", "update")
"""The groups whose options mean nothing to a language model."""

ALIKE = ("data", "samples", "labels")
"""What no method may have for itself: log p(x | y) says nothing beside log p(x)."""


@dataclass(frozen=True)
class Task:
    """One training run of a comparison.

    Arguments:
        method: The name of the method.
        seed: The seed of everything random.
        config: What ``textvae train`` would be asked.
        run: Its folder.
    """

    method: str
    seed: int
    config: Namespace
    run: Run

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train or to evaluate."""
        return self.run.report.is_file() and (self.run.model / "config.json").is_file()


@dataclass(frozen=True)
class Plan:
    """All that a comparison is to run.

    Arguments:
        folder: Where its results go, and its runs.
        methods: The names of the methods, without that of the baseline.
        seeds: The seeds.
        tasks: The runs, the baseline's first.
        configs: What each method is asked at the first seed, as plain data.
        asked: What of latents all methods are asked alike, which the baseline's configuration has
            not: options by name, and groups of the files of configuration.
        text: What the sentences are called.
        command: What repeats the comparison.
    """

    folder: Path
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    tasks: tuple[Task, ...]
    configs: Mapping[str, dict[str, Any]]
    asked: Mapping[str, Mapping[str, Any]]
    text: str
    command: str

    @property
    def reference(self) -> str:
        """What the others are compared with: the plain VAE, or the method that is named first."""
        return "none" if "none" in self.methods else self.methods[0]

    def of(self, method: str) -> list[Task]:
        """The runs of one method."""
        return [task for task in self.tasks if task.method == method]


def make_plan(
    methods: Sequence[str], seeds: int, options: Sequence[str], name: str | None = None
) -> Plan:
    """Parses the options with each method, and checks that the methods can be compared.

    Arguments:
        methods: Names or files of methods; ``bn+posterior.gamma=0.7`` is one with other options.
        seeds: How many seeds.
        options: Those of ``textvae train``, for all methods alike.
        name: The name of the comparison.

    Raises:
        UsageError: If a method is unknown or named twice, an option is wrong, the methods need
            different data, or the folder holds something else.
    """
    if seeds < 1:
        raise UsageError(f"--seeds: a comparison needs at least 1 seed, got {seeds}")
    if "-" in options:
        raise UsageError(
            "--text -: a comparison may go on later, so it reads files only; name one"
        )
    named = dict(map(find_method, dict.fromkeys(methods)))
    if not named or len(named) < len(methods):
        raise UsageError(f"--methods: name each method once, got {', '.join(methods) or 'none'}")
    if named.pop(BASELINE, shipped(BASELINE)) != shipped(BASELINE):
        raise UsageError(
            "--methods: lm is what the language model of every comparison is called; give your "
            "file another name"
        )
    if not named:
        raise UsageError("--methods: lm is in every comparison; name a method to compare it with")

    others, latents = divide(options, OF_LATENTS)
    configs = {}
    for method, (path, changes) in {BASELINE: shipped(BASELINE), **named}.items():
        own = others if method == BASELINE else options
        try:
            configs[method] = parse([*own, *changes], on_top=[str(path)]).config
            instantiate(configs[method])
        except UsageError as error:
            raise UsageError(f"method {method}: {error}") from error
    plain = {method: plain_data(config) for method, config in configs.items()}
    check_alike(plain)
    common = plain_data(parse(others).config)
    asked = {"latents": latents, "config": {group: common.get(group) for group in OF_LATENTS}}

    first = configs[BASELINE].seed
    text = settle_text(configs[BASELINE])
    if name:
        folder = Run.named(name).folder
        check_folder(folder, plain, asked)
    else:
        folder = unused(text or "grammar", plain, asked)
    numbers = tuple(range(first, first + seeds))
    tasks = tuple(make_tasks(folder, configs, numbers))
    called = text or "the embedded corpus"
    command = ["textvae", "compare", "--name", str(folder), "--seeds", str(seeds)]
    command += ["--methods", ",".join(methods), *options]
    told = shlex.join(command)
    return Plan(folder, tuple(named), numbers, tasks, plain, asked, called, told)


def make_tasks(
    folder: Path, configs: Mapping[str, Namespace], seeds: Sequence[int]
) -> Iterator[Task]:
    """Every method at the first seed, then every method at the second, and so on."""
    for seed in seeds:
        for method, config in configs.items():
            own = config.clone()
            own.seed = seed
            yield Task(method, seed, own, Run(folder / f"{folder_name(method)}-{seed}"))


def folder_name(method: str) -> str:
    """A method as the folders of its runs have it, before the seed."""
    return method.replace("/", "-")


def method_names() -> list[str]:
    """The methods that ship with the package."""
    return [path.stem for path in sorted(CONFIGS.glob("method/*.yaml"))]


def shipped(method: str) -> tuple[Path, tuple[str, ...]]:
    """The file of a method that ships with the package, and that nothing varies it."""
    return CONFIGS / "method" / f"{method}.yaml", ()


def find_method(name: str) -> tuple[str, tuple[Path, tuple[str, ...]]]:
    """The name of a method, its file, and the options that it is varied by.

    Raises:
        UsageError: If there is no such method.
    """
    # Not at every plus: a number may be written 1e+3.
    stem, *changes = re.split(r"\+(?=[\w.]+=)", name)
    if "+" in stem and not Path(stem).is_file():
        stem = stem.partition("+")[0]
        raise UsageError(
            f"--methods: {name}: write what to vary as {stem}+posterior.latent_dim=16"
        )
    path, _ = shipped(stem)
    if not path.is_file():
        try:
            path = find_config(stem)
        except UsageError as error:
            near = difflib.get_close_matches(stem, method_names(), 1)
            mend = f"did you mean {near[0]}?" if near else f"known: {', '.join(method_names())}"
            raise UsageError(f"--methods: no method {stem}; {mend}") from error
    called = "+".join([path.stem, *changes])
    return called, (path, tuple(f"--{change}" for change in changes))


def divide(
    options: Sequence[str], groups: Sequence[str]
) -> tuple[list[str], dict[str, str | None]]:
    """The options that are of none of the groups, and the values of the others by name."""
    rest, found, waiting = [], {}, None
    for option in options:
        name, given, value = option.removeprefix("--").partition("=")
        if waiting is not None:
            found[waiting], waiting = option, None
        elif not option.startswith("--") or name.split(".")[0] not in groups:
            rest.append(option)
        else:
            found[name] = value if given else None
            waiting = None if given else name
    return rest, found


def check_alike(configs: Mapping[str, dict[str, Any]]) -> None:
    """
    Raises:
        UsageError: If two methods were to see different data, or to be measured differently.
    """
    for method, config in configs.items():
        for key, (_, value) in differences(*map(alike, (configs[BASELINE], config))).items():
            group = key.split(".")[0]
            raise UsageError(
                f"method {method} needs other {group} ({key}: {value}); compare methods by the "
                f"same {group}, or give all of them its own by --config or --{group}"
            )


def alike(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration has to have in common with that of every other method."""
    return {name: config.get(name) for name in ALIKE}


def unused(text: str, configs: Mapping[str, Any], asked: Mapping[str, Any]) -> Path:
    """The first of ``runs/compare-TEXT``, ``-2`` ... that is free, or holds this comparison."""
    stem, number = f"compare-{text}", 1
    while True:
        folder = Run.named(stem if number == 1 else f"{stem}-{number}").folder
        try:
            check_folder(folder, configs, asked)
        except UsageError:
            number += 1
        else:
            return folder


def check_folder(folder: Path, configs: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """
    Arguments:
        folder: Where a comparison shall go.
        configs: What its methods are asked, as plain data.
        asked: What of latents they are all asked alike.

    Raises:
        UsageError: If the folder holds anything but this comparison, or part of it: runs of other
            methods, or of other seeds.
    """
    if not folder.exists():
        return
    mend = "choose another --name"
    if not (folder / "comparison.json").is_file():
        raise UsageError(f"{folder} exists and holds no comparison; {mend}")
    methods = {folder_name(method): config for method, config in configs.items()}
    for path in sorted(folder.glob("*/config.yaml")):
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        ours = methods.get(path.parent.name.rpartition("-")[0])
        if ours is None:
            told = differences(alike(configs[BASELINE]), alike(found))
        else:
            told = differences(ours, found | {"seed": ours["seed"]})
        for key, (here, there) in told.items():
            raise UsageError(
                f"{folder} holds another comparison ({path.parent.name} has {key}: {there}, not "
                f"{here}); {mend}"
            )
    # Two sets of methods may share no run but the baseline's, which nothing of latents reaches.
    before = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    known = {name: before.get(name, asked[name]) for name in asked}  # older files have less
    for key, (here, there) in differences(dict(asked), known).items():
        key = key.partition(".")[2]
        raise UsageError(
            f"{folder} holds another comparison (its options have {key}: {there}, not {here}); "
            f"{mend}"
        )


def plain_data(config: Namespace) -> dict[str, Any]:
    """A configuration as plain data."""
    return yaml.safe_load(dump(config))


def differences(a: Any, b: Any, key: str = "") -> dict[str, tuple[Any, Any]]:
    """Where two configurations differ: the values of both, by dotted key."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.get("class_path") != b.get("class_path"):
            return {key: (a.get("class_path"), b.get("class_path"))}
        found = {}
        for name in {**a, **b}:
            below = f"{key}.{name}" if key and name != "init_args" else key or name
            found |= differences(a.get(name), b.get(name), below)
        return found
    return {} if a == b else {key: (kind(a), kind(b))}


def kind(value: Any) -> Any:
    """A part by its class alone, and anything else as it is."""
    return value.get("class_path", value) if isinstance(value, Mapping) else value
