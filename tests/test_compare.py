"""``textvae compare``: what it runs, what it repeats, what it writes, and what it refuses."""

import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from textvae.cli import main
from textvae.compare import execute, flags, make_plan
from textvae.compare.examine import Witness, plane
from textvae.compare.execute import execute as run_all
from textvae.compare.outcomes import Outcome
from textvae.compare.plan import BASELINE, Plan
from textvae.errors import TrainingError, UsageError
from textvae.runs import held, write_json
from textvae.training.callbacks import Interrupted

from .test_imports import HEAVY, loaded_by

TINY = """
--data.train_size 128 --data.valid_size 24 --data.test_size 24 --data.batch_size 32
--encoder.embedding_size 12 --encoder.hidden_size 16
--decoder.embedding_size 12 --decoder.hidden_size 16
--posterior.latent_dim 3 --trainer.max_epochs 2 --samples 3
""".split()

TWIN = """# The same under another name.
posterior: {class_path: textvae.posteriors.GaussianPosterior, init_args: {latent_dim: 32}}
objective: {class_path: textvae.objectives.BetaELBO, init_args: {beta: 1.0}}
update: textvae.training.Joint
"""
BROKEN = TWIN.replace("beta: 1.0", "beta: 1.0e+40")
TWICE_NAME = "twice+trainer.max_epochs=4"
TWICE = TWIN + "trainer: {max_epochs: 4}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a comparison of methods that work and one that does not."""
    place = tmp_path_factory.mktemp("comparison")
    for name, text in {"twin": TWIN, "broken": BROKEN, "twice": TWICE}.items():
        (place / f"{name}.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        methods = "none,twin.yaml,vmf,twice.yaml+trainer.max_epochs=4,broken.yaml"
        assert main(["compare", "--methods", methods, *NAMED]) == 0
    return place


NAMED = ["--name", "x", *TINY]


@pytest.fixture
def compare(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command there."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["compare", *arguments])
        return code, *capsys.readouterr()

    return run


# What came of it


def test_identical_methods_under_different_names_come_out_equal(folder: Path) -> None:
    found = json.loads((folder / "runs/x/results.json").read_text())

    gaps = found["differences"]["twin"]
    for name in ("nll_iw", "kl", "z_gain", "bleu"):
        assert gaps[name]["mean"] == 0, name
    assert gaps["nll_iw"]["low"] == 0 == gaps["nll_iw"]["high"], "sentence by sentence"
    assert gaps["bleu"]["low"] is None, "which no sentence has"
    assert found["summary"]["none"]["nll_iw"] == found["summary"]["twin"]["nll_iw"]


def test_what_is_in_the_results(folder: Path) -> None:
    found = json.loads((folder / "runs/x/results.json").read_text())

    assert found["methods"] == ["none", "twin", "vmf", TWICE_NAME, "broken"]
    assert (found["seeds"], found["reference"], found["baseline"]) == ([0], "none", "lm")
    runs = {run["method"]: run for run in found["runs"]}
    assert runs.keys() == {"lm", "none", "twin", "vmf", TWICE_NAME}
    assert runs["none"]["report"]["nll_iw"] == found["summary"]["none"]["nll_iw"]["mean"]
    assert found["summary"]["vmf"]["kl"]["mean"] > 0
    for gap in (found["differences"]["vmf"][name] for name in ("nll_iw", "kl", "z_gain")):
        assert (gap["over"], gap["n"]) == ("sentences", 24) and gap["low"] < gap["high"]
    assert found["cost"]["none"]["seconds"] == 1
    assert {"fluency", "distinct", "monotone"} <= runs["vmf"]["examined"]["path_score"].keys()
    assert found["recommendation"]["method"] is None
    assert "floor" in found and "versions" in found


def test_a_method_with_twice_the_budget_is_flagged(folder: Path) -> None:
    flags = json.loads((folder / "runs/x/results.json").read_text())["flags"]

    assert (
        "twice+trainer.max_epochs=4: another trainer.max_epochs than the others: 4, not 2 "
        "(2 times the budget)"
    ) in flags
    assert (
        "twice+trainer.max_epochs=4: saw the data 2.0 times as often as the usual method" in flags
    )
    assert not [line for line in flags if line.startswith(("none", "vmf"))]
    assert "the same configuration under several names: none, twin" in flags


def test_a_method_that_fails_is_reported_and_the_rest_go_on(folder: Path) -> None:
    found = json.loads((folder / "runs/x/results.json").read_text())

    (failure,) = found["failures"]
    assert (failure["method"], failure["seed"]) == ("broken", 0)
    assert "The loss is inf in epoch 0" in failure["reason"]
    assert any(line.startswith("broken, seed 0, failed") for line in found["flags"])


class Tags(HTMLParser):
    """Notes the tags of a page, and which ones are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_whole_page_that_needs_no_network(folder: Path) -> None:
    page = (folder / "runs/x/report.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)

    assert tags.open == []
    assert len([tag for tag, _ in tags.seen if tag == "svg"]) >= 6
    for tag, attributes in tags.seen:
        assert tag not in ("script", "link", "img", "iframe")
        for name in ("href", "src", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64")), tag
    assert not re.findall(r"url\((?!#)|@import", page)
    for told in ("None can be recommended", "vmf", "twice", "failed", "within one standard error"):
        assert told in page


# What is run, and what is not


def test_nothing_that_is_finished_is_repeated(
    compare: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "train", lambda *_, **__: pytest.fail("trained again"))
    before = (folder / "runs/x/none-0/report.json").stat().st_mtime_ns

    code, out, err = compare("--methods", "none,vmf", *NAMED)

    assert (code, "3 of 3 runs are finished already" in err) == (0, True)
    assert (folder / "runs/x/none-0/report.json").stat().st_mtime_ns == before
    assert out.splitlines()[0].split()[:4] == ["method", "nll_iw", "ppl_iw", "kl"]
    assert "None can be recommended" in out and "The rule: the highest z_gain" in out


def test_a_text_that_changed_between_runs_is_told(compare: Callable, folder: Path) -> None:
    path = folder / "runs/x/none-0/text.json"
    before = path.read_text()
    told = json.loads(before)
    told["splits"]["train"] = "other"
    path.write_text(json.dumps(told))
    code, out, _ = compare("--methods", "none", *NAMED)
    path.write_text(before)

    assert code == 0 and "the runs did not all read the same text (train)" in out
    assert "the same text" not in compare("--methods", "none", *NAMED)[1]


def test_a_model_that_cannot_be_looked_at_keeps_its_numbers(
    compare: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(outcome: Outcome, witness: Witness) -> dict[str, object]:
        if outcome.task.method == "none":
            raise MemoryError
        return examined(outcome, witness)

    module = sys.modules["textvae.compare.compare"]  # the function of that name hides it
    examined = module.examine
    monkeypatch.setattr(module, "examine", examine)
    code, out, _ = compare("--methods", "none,vmf", *NAMED)
    found = json.loads((folder / "runs/x/results.json").read_text())

    assert code == 0 and "not looked at: MemoryError" in out
    assert [failure["method"] for failure in found["failures"]] == ["none"]
    assert found["summary"].keys() == {"lm", "none", "vmf"}
    assert "not looked at" in (folder / "runs/x/report.html").read_text(encoding="utf-8")


def plan_of(methods: str, seeds: int = 2, name: str = "plan") -> Plan:
    return make_plan(methods.split(","), seeds, TINY, name)


def finish(task_run: object) -> None:
    task_run.model.mkdir(parents=True, exist_ok=True)
    write_json(task_run.model / "config.json", {})
    write_json(task_run.report, {})


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were begun, where training is only pretended."""
    monkeypatch.chdir(tmp_path)
    begun: list[str] = []

    def train(config: object, run: object, resume: bool) -> None:
        begun.append(run.folder.name + " again" * resume)
        if begun == ["lm-0", "none-0", "bn-0"]:
            run.folder.mkdir(parents=True)
            raise Interrupted
        if run.folder.name == "none-1":
            raise TrainingError("The loss is nan.")
        if run.folder.name == "bn-1":
            raise MemoryError
        finish(run)

    monkeypatch.setattr(execute, "train", train)
    return begun


def test_an_interrupted_comparison_goes_on_where_it_was(trained: list[str]) -> None:
    plan = plan_of("none,bn")
    with pytest.raises(Interrupted):
        run_all(plan)
    trained.append("and then")

    failures = run_all(plan)

    first, then = ["lm-0", "none-0", "bn-0"], ["bn-0 again", "lm-1", "none-1", "bn-1"]
    assert trained == [*first, "and then", *then]
    assert failures == {("none", 1): "The loss is nan.", ("bn", 1): "MemoryError"}


class Process:
    """What is left of a process."""


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        (0, "", None),
        (1, "textvae train: The loss is nan.", "The loss is nan. ("),
        (-9, "", "the process was killed by signal 9 ("),
    ],
)
def test_several_at_once_are_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, line: str, reason: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = []

    def start(command: list[str], stdout: object, env: dict[str, str], **_: object) -> object:
        commands.append(command)
        stdout.write(f"epoch 1\n{line}\n")
        process = Process()
        process.wait = lambda: code
        return process

    monkeypatch.setattr(execute.subprocess, "Popen", start)
    plan = plan_of("bn", seeds=1)
    plan.folder.mkdir(parents=True)
    failures = run_all(plan, jobs=2)

    assert len(commands) == 2 and all(command[2:4] == ["textvae", "train"] for command in commands)
    asked = {command[command.index("--config") + 1] for command in commands}
    assert asked == {f"runs/plan/logs/{task.run.folder.name}.yaml" for task in plan.tasks}
    for task in plan.tasks:
        written = plan.folder / "logs" / f"{task.run.folder.name}.yaml"
        assert written.read_text() == execute.dump(task.config)
    assert len(failures) == (0 if reason is None else 2)
    assert all(told.startswith(reason) for told in failures.values())


def test_every_option_of_train_holds_for_all_methods_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = plan_of("none,bn+posterior.gamma=0.7+posterior.latent_dim=5,vmf", seeds=3)
    assert all(flags.budget(plan, method) == [] for method in plan.methods)
    (dropout,) = flags.budget(plan_of("word_dropout"), "word_dropout")
    assert dropout == "word_dropout: another decoder.word_dropout than the others: 0.4, not 0.0"

    assert [task.run.folder.name for task in plan.tasks[:4]] == [
        "lm-0",
        "none-0",
        "bn+posterior.gamma=0.7+posterior.latent_dim=5-0",
        "vmf-0",
    ]
    assert {task.seed for task in plan.tasks} == {0, 1, 2}
    for method, config in plan.configs.items():
        assert config["trainer"]["max_epochs"] == 2 and config["samples"] == 3
        assert config["decoder"]["init_args"]["hidden_size"] == 16
        assert (config["posterior"] is None) == (method == BASELINE)
    assert plan.configs["vmf"]["posterior"]["init_args"]["latent_dim"] == 3
    varied = plan.configs["bn+posterior.gamma=0.7+posterior.latent_dim=5"]["posterior"]
    assert varied["init_args"] == {"latent_dim": 5, "gamma": 0.7} | varied["init_args"]
    powers = plan_of("none+optimizer.lr=1e+3+objective.beta=2e+0").configs
    exact = powers["none+optimizer.lr=1e+3+objective.beta=2e+0"]
    assert exact["optimizer"]["init_args"]["lr"] == 1e3
    assert exact["objective"]["init_args"]["beta"] == 2


# How it ends


def test_two_comparisons_do_not_share_a_folder(
    trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["compare", "--methods", "none", *NAMED, *TINY]
    Path("runs/x").mkdir(parents=True)
    write_json(Path("runs/x/comparison.json"), {})
    with held(Path("runs/x")):
        assert main(asked) == 2
    assert "runs/x is in use by another process" in capsys.readouterr().err and trained == []


def test_where_nothing_finishes_it_says_so(trained: list[str]) -> None:
    with pytest.raises(UsageError, match="at least 1 seed, got 0"):
        plan_of("none", seeds=0)
    trained += ["a", "b", "c"]

    assert main(["compare", "--methods", "bn", "--seed", "1", "--name", "z", *TINY]) == 1


def test_help_loads_nothing_heavy() -> None:
    assert not HEAVY & loaded_by("from textvae.cli import main; main(['compare', '--help'])")


def test_latents_that_do_not_vary_have_no_map() -> None:
    assert plane(np.ones((5, 3))) == {}
    assert len(plane(np.eye(5, 3))["points"]) == 5
