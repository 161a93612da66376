"""What a comparison is to run: every method with every seed, on the same data."""

__all__ = ["BASELINE", "Plan", "Task", "differences", "make_plan", "method_names"]

import difflib
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

ALIKE = ("data", "samples")
"""What no method may have for itself."""


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
        text: What the sentences are called.
        command: What repeats the comparison.
    """

    folder: Path
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    tasks: tuple[Task, ...]
    configs: Mapping[str, dict[str, Any]]
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
    named.pop(BASELINE, None)
    if not named:
        raise UsageError("--methods: lm is in every comparison; name a method to compare it with")

    configs = {}
    for method, (path, changes) in {BASELINE: find_method(BASELINE)[1], **named}.items():
        own = list(without(options, OF_LATENTS)) if method == BASELINE else list(options)
        try:
            configs[method] = parse([*own, *changes], on_top=[str(path)]).config
            instantiate(configs[method])
        except UsageError as error:
            raise UsageError(f"method {method}: {error}") from error
    check_alike(configs)

    first = configs[BASELINE].seed
    text = settle_text(configs[BASELINE])
    folder = Run.named(name).folder if name else unused(configs, text or "grammar")
    numbers = tuple(range(first, first + seeds))
    tasks = tuple(make_tasks(folder, configs, numbers))
    check_folder(folder, tasks)
    plain = {method: plain_data(config) for method, config in configs.items()}
    called = text or "the embedded corpus"
    command = ["textvae", "compare", "--name", str(folder), "--seeds", str(seeds)]
    command += ["--methods", ",".join(methods), *options]
    return Plan(folder, tuple(named), numbers, tasks, plain, called, shlex.join(command))


def make_tasks(
    folder: Path, configs: Mapping[str, Namespace], seeds: Sequence[int]
) -> Iterator[Task]:
    """Every method at the first seed, then every method at the second, and so on."""
    for seed in seeds:
        for method, config in configs.items():
            own = config.clone()
            own.seed = seed
            name = f"{method}-{seed}".replace("/", "-")
            yield Task(method, seed, own, Run(folder / name))


def method_names() -> list[str]:
    """The methods that ship with the package."""
    return [path.stem for path in sorted(CONFIGS.glob("method/*.yaml"))]


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
    shipped = CONFIGS / "method" / f"{stem}.yaml"
    if not shipped.is_file():
        try:
            shipped = find_config(stem)
        except UsageError as error:
            near = difflib.get_close_matches(stem, method_names(), 1)
            mend = f"did you mean {near[0]}?" if near else f"known: {', '.join(method_names())}"
            raise UsageError(f"--methods: no method {stem}; {mend}") from error
    called = "+".join([shipped.stem, *changes])
    return called, (shipped, tuple(f"--{change}" for change in changes))


def without(options: Sequence[str], groups: Sequence[str]) -> Iterator[str]:
    """The options that are of none of the groups."""
    skip = False
    for option in options:
        if skip:
            skip = False
            continue
        name, given, _ = option.removeprefix("--").partition("=")
        if option.startswith("--") and name.split(".")[0] in groups:
            skip = not given
        else:
            yield option


def check_alike(configs: Mapping[str, Namespace]) -> None:
    """
    Raises:
        UsageError: If two methods were to see different data, or to be measured differently.
    """
    asked = {method: plain_data(config) for method, config in configs.items()}
    common = {name: asked[BASELINE][name] for name in ALIKE}
    for method, plain in asked.items():
        for key, (_, value) in differences(common, {name: plain[name] for name in ALIKE}).items():
            group = key.split(".")[0]
            raise UsageError(
                f"method {method} needs other {group} ({key}: {value}); compare methods by the "
                f"same {group}, or give all of them its own by --config or --{group}"
            )


def unused(configs: Mapping[str, Namespace], text: str) -> Path:
    """The first of ``runs/compare-TEXT``, ``-2`` ... that is free, or holds this comparison."""
    stem, number = f"compare-{text}", 1
    while True:
        folder = Run.named(stem if number == 1 else f"{stem}-{number}").folder
        try:
            check_folder(folder, list(make_tasks(folder, configs, [configs[BASELINE].seed])))
        except UsageError:
            number += 1
        else:
            return folder


def check_folder(folder: Path, tasks: Sequence[Task]) -> None:
    """
    Raises:
        UsageError: If the folder holds anything but this comparison, or part of it.
    """
    if not folder.exists():
        return
    mend = "choose another --name"
    if not (folder / "comparison.json").is_file():
        raise UsageError(f"{folder} exists and holds no comparison; {mend}")
    for task in tasks:
        if not task.run.config.is_file():
            continue
        asked = dump(task.config)
        found = task.run.config.read_text(encoding="utf-8")
        if found != asked:
            told = differences(yaml.safe_load(asked), yaml.safe_load(found))
            for key, (here, there) in told.items():
                raise UsageError(
                    f"{folder} holds another comparison ({task.run.folder.name} has {key}: "
                    f"{there}, not {here}); {mend}"
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
    return {} if a == b else {key: (a, b)}
