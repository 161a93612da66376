"""What a comparison refuses before anything is trained, in one line, and what it lets be."""

from pathlib import Path

import pytest

from textvae.cli import main
from textvae.compare import execute, make_plan
from textvae.compare.building import build_all
from textvae.compare.flags import flag
from textvae.compare.plan import OF_LATENTS, divide
from textvae.errors import UsageError
from textvae.runs import write_json
from textvae.wiring.parser import instantiate

from .test_compare import NAMED, TINY, TWIN


def test_options_of_latents_are_not_for_the_language_model() -> None:
    options = [
        "--posterior.latent_dim",
        "4",
        "--encoder=lstm",
        "--seed",
        "1",
        "--update.x=2",
        "--auxiliary",
        "bag_of_words",
        "--a",
    ]

    others, latents = divide(options, OF_LATENTS)

    assert others == ["--seed", "1", "--a"]
    assert latents == {
        "posterior.latent_dim": "4",
        "encoder": "lstm",
        "update.x": "2",
        "auxiliary": "bag_of_words",
    }


# What is refused, in one line and with code 2


def begin(methods: str, name: str | None, *options: str) -> Path:
    """A comparison of which every run of one seed has begun."""
    plan = make_plan(methods.split(","), 1, [*TINY, *options], name)
    for task in plan.tasks:
        task.run.folder.mkdir(parents=True)
        task.run.config.write_text(execute.dump(task.config))
    write_json(plan.folder / "comparison.json", dict(plan.asked))
    return plan.folder


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--methods", "none", "--seeds", "0"], "--seeds: 0 is not a whole number of at least 1"),
        (["--methods", "nine,bn"], "--methods: no method nine; did you mean none?"),
        (["--methods", "none,none"], "--methods: name each method once"),
        (["--seeds", "2"], "--methods: name each method once, got none"),
        (["--methods", "lm"], "--methods: lm is in every comparison"),
        (["--methods", "bn+gamma"], "write what to vary as bn+posterior.latent_dim=16"),
        (["--methods", "bn", "--posterior.gama", "1"], "method bn: posterior: no option 'gama'"),
        (
            ["--methods", "none,bn+data.batch_size=8"],
            "method bn+data.batch_size=8 needs other data (data.batch_size: 8)",
        ),
        (
            ["--methods", "none,bn+samples=8"],
            "method bn+samples=8 needs other samples (samples: 8",
        ),
        (
            ["--methods", "none,conditional", "--data.label", "mood"],
            "method conditional needs other labels (labels: textvae.labels.Labels)",
        ),
        (["--methods", "none,lm.yaml"], "lm is what the language model of every comparison is"),
        (
            ["--methods", "none,vmf", "--objective", "free_bits_dim", "--name", "y"],
            "method vmf: objective: FreeBits needs the divergence of each dimension, and ",
        ),
        (
            ["--methods", "none,vmf", "--prior", "standard_normal", "--name", "y"],
            "method vmf: StandardNormal is no prior for VonMisesFisherPosterior",
        ),
        (["--methods", "none", "--name", "other"], "runs/other exists and holds no comparison"),
        (
            ["--methods", "none", *NAMED, "--decoder.hidden_size", "20"],
            "runs/x holds another comparison (lm-0 has decoder.hidden_size: 16, not 20)",
        ),
        (
            ["--methods", "bn", *NAMED, "--seed", "1", "--data.test_size", "25"],
            "runs/x holds another comparison (lm-0 has data.test_size: 24, not 25)",
        ),
        (
            ["--methods", "none", *NAMED, "--seed", "1", "--encoder.hidden_size", "20"],
            "runs/x holds another comparison (none-0 has encoder.hidden_size: 16, not 20)",
        ),
        (
            ["--methods", "bn", *NAMED, "--posterior.latent_dim", "4"],
            "runs/x holds another comparison (its options have posterior.latent_dim: 3, not 4)",
        ),
        (
            ["--methods", "none", "--optimizer", "torch.optim.Adadelta", "--optimizer.lr", "-1"],
            "method lm: Adadelta: Invalid learning rate: -1.0",
        ),
        (["--methods", "none", "--text", "-"], "--text -: a comparison may go on later"),
        (["--methods", "none", "--resume", "x"], "no option --resume here: the same command"),
        (["--methods", "none", "--text", "no.txt", "--name", "y"], "no.txt"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/other").mkdir(parents=True)
    Path("lm.yaml").write_text(TWIN)
    if NAMED[1] in arguments:
        begin("none", name="x")

    code = main(["compare", *arguments])
    out, err = capsys.readouterr()

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err and err.startswith("textvae compare: ")
    assert not Path("runs/y").exists()


def test_a_folder_takes_other_methods_and_seeds_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = begin("none", name=None)
    assert folder == Path("runs/compare-grammar")

    for options in ([], ["--seed", "1"]):
        for methods in (["none"], ["bn", "vmf"]):
            assert make_plan(methods, 2, [*TINY, *options]).folder == folder
    other = [*TINY, "--seed", "1", "--trainer.max_epochs", "3"]
    assert make_plan(["none"], 1, other).folder == Path("runs/compare-grammar-2")
    with pytest.raises(UsageError, match="lm-0 has trainer.max_epochs: 2, not 3"):
        make_plan(["none"], 1, other, str(folder))


def test_methods_of_other_files_are_another_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the two have no run in common but that of the language model, and no option."""
    monkeypatch.chdir(tmp_path)
    for layers in (1, 2):
        Path(f"{layers}.yaml").write_text(f"encoder: {{init_args: {{num_layers: {layers}}}}}\n")
    begin("none", "x", "--config", "1.yaml")

    make_plan(["bn"], 1, [*TINY, "--config", "1.yaml"], "x")
    with pytest.raises(UsageError, match=r"its options have encoder.num_layers: 1, not 2"):
        make_plan(["bn"], 1, [*TINY, "--config", "2.yaml"], "x")


def test_what_is_odd_about_a_method_is_told_before_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = make_plan(["none", "iwae", "vmf+objective=free_bits"], 1, TINY)
    data = instantiate(plan.tasks[0].config)["data"]
    data.prepare()
    found = build_all(plan, data)

    samples, constant = found
    assert samples == "iwae: decodes 8 samples of each sentence, not 1"
    assert constant.startswith("vmf+objective=free_bits: objective: the KL of VonMisesFisher")
    assert flag(plan, {}, {}, 1, found)[:2] == found and not plan.folder.exists()
