"""From options and YAML files to checked configurations and parts."""

from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import Namespace

from textvae.cli.train import HELP
from textvae.errors import UsageError
from textvae.objectives import BetaELBO
from textvae.posteriors import BatchNormPosterior, GaussianPosterior
from textvae.priors import StandardNormal, UniformSphere
from textvae.runs import Run
from textvae.schedules import Cyclical
from textvae.wiring.build import build
from textvae.wiring.parser import GROUPS, dump, instantiate, make_parser
from textvae.wiring.request import parse

TINY = """
--encoder.embedding_size 4 --encoder.hidden_size 6
--decoder.embedding_size 4 --decoder.hidden_size 6 --posterior.latent_dim 3
""".split()


class OtherPosterior(GaussianPosterior):
    """A user's own, found by its dotted path."""

    def __init__(self, in_features: int, latent_dim: int = 7, width: float = 1.0) -> None:
        super().__init__(in_features, latent_dim)
        self.width = width


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def text(working_directory: Path) -> Path:
    words = ["cat", "dog", "bird", "cow"]
    lines = [f"the {a} sees the {b} {n} ." for a in words for b in words for n in range(4)]
    (working_directory / "my.txt").write_text("\n".join(lines), encoding="utf-8")
    return Path("my.txt")


def config(*options: str) -> Namespace:
    return parse(options).config


def built(text: Path, *options: str) -> torch.nn.Module:
    parts = instantiate(config("--text", str(text), *options))
    parts.pop("trainer")
    return build(**parts)


# What composes


def test_the_groups_stand_at_the_top_level() -> None:
    assert GROUPS == (
        "data", "encoder", "posterior", "prior", "decoder", "auxiliary", "labels", "objective",
        "update", "optimizer", "lr_schedule", "trainer",
    )  # fmt: skip
    assert {*GROUPS, "seed", "samples"} == yaml.safe_load(dump(config())).keys()


def test_options_reach_every_constructor(text: Path) -> None:
    module = built(
        text, *TINY, "--objective.beta", "Cyclical", "--objective.beta.period", "3",
        "--optimizer", "torch.optim.SGD", "--optimizer.lr", "0.5", "--encoder.bidirectional=true",
    )  # fmt: skip

    assert isinstance(module.objective, BetaELBO)
    assert isinstance(module.objective.beta, Cyclical) and module.objective.beta.period == "3"
    assert isinstance(module.configure_optimizers(), torch.optim.SGD)
    assert module.vae.encoder.out_features == 12 and module.vae.latent_dim == 3


def test_a_number_is_a_schedule_too(text: Path) -> None:
    assert built(text, *TINY, "--objective.beta", "0.25").objective.beta(0) == 0.25


def test_configurations_fragments_and_options_compose(working_directory: Path) -> None:
    Path("parts").mkdir()
    Path("parts/wide.yaml").write_text(
        "# wide\nclass_path: BatchNormPosterior\ninit_args:\n  latent_dim: 64\n"
    )
    Path("base.yaml").write_text("posterior: parts/wide.yaml\nseed: 3\n")
    Path("top.yaml").write_text("config: base.yaml\ntrainer:\n  max_epochs: 7\n")

    found = config("--config", "ptb_bn", "--config", "top.yaml", "--posterior.gamma", "0.4")
    assert found.posterior.init_args.as_dict() == {"latent_dim": 64, "gamma": 0.4, "eps": 1e-8}
    assert (found.seed, found.trainer.max_epochs) == (3, 7)
    assert found.optimizer.init_args.lr == 3e-3  # of ptb_bn, three times the default
    assert found.trainer.gradient_clip_val == 5


def test_a_file_prevails_over_its_base_wherever_it_names_it(working_directory: Path) -> None:
    Path("base.yaml").write_text("seed: 3\nsamples: 7\n")
    for text in ("config: base.yaml\nseed: 5\n", "seed: 5\nconfig: base.yaml\n"):
        Path("top.yaml").write_text(text)
        found = config("--config", "top.yaml")
        assert (found.seed, found.samples) == (5, 7)


def test_options_prevail_wherever_they_stand() -> None:
    assert config("--seed", "5", "--config", "default").seed == 5


def test_shipped_fragments_are_found_by_name() -> None:
    found = config("--posterior", "vmf", "--objective=cyclical")

    assert found.posterior.class_path.endswith(".VonMisesFisherPosterior")
    assert found.objective.init_args.beta.class_path.endswith(".Cyclical")


def test_a_class_named_anew_starts_from_its_own_defaults(working_directory: Path) -> None:
    Path("set.yaml").write_text("posterior:\n  init_args:\n    latent_dim: 5\n    gamma: 0.3\n")
    other = f"{__name__}.OtherPosterior"

    same = config("--config", "set.yaml", "--posterior", "BatchNormPosterior")
    switched = config("--config", "set.yaml", "--posterior", other, "--posterior.width", "2")
    assert same.posterior.init_args.as_dict() == {"latent_dim": 5, "gamma": 0.3, "eps": 1e-8}
    assert switched.posterior.init_args.as_dict() == {"latent_dim": 7, "width": 2.0}


def test_a_prior_is_the_posteriors_own_unless_named(text: Path) -> None:
    assert isinstance(built(text, *TINY).vae.prior, StandardNormal)
    assert isinstance(built(text, "--posterior", "vmf").vae.prior, UniformSphere)
    with pytest.raises(UsageError, match="UniformSphere"):
        built(text, *TINY, "--prior", "UniformSphere", "--posterior.latent_dim", "1")


def test_a_language_model_has_neither_encoder_nor_posterior(text: Path) -> None:
    vae = built(text, "--encoder", "null", "--posterior", "null").vae

    assert (vae.encoder, vae.posterior, vae.prior, vae.latent_dim) == (None, None, None, 0)
    with pytest.raises(UsageError, match="posterior: null, but encoder is not"):
        built(text, "--posterior", "null")
    with pytest.raises(UsageError, match="prior: a language model has none"):
        built(text, "--config", "lm", "--prior", "StandardNormal")


# What is written


def test_the_configuration_of_a_run_repeats_it(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = config("--text", "my.txt", "--trainer.gradient_clip_val", "null", "--posterior", "vmf")
    written = dump(found)
    Path("config.yaml").write_text(written)
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    again = parse(["--config", "../config.yaml"]).config
    assert dump(again) == written
    assert again.data.init_args.text == str(text.absolute().parents[1] / "my.txt")
    assert again.trainer.gradient_clip_val is None
    assert "partial" not in written and "name:" not in written


def test_runs_are_named_by_their_text() -> None:
    assert parse(["--text", "a/my.txt.gz"]).run == Run(Path("runs/my"))
    assert parse(["--data.seed", "1"]).run == Run(Path("runs/grammar"))
    Path("runs/grammar").mkdir(parents=True)
    assert parse([]).run == Run(Path("runs/grammar-2"))
    assert parse(["--name", "mine"]).run == Run(Path("runs/mine"))


def test_help_explains_one_class(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--posterior.help", "BatchNormPosterior"])

    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "The standard deviation of the means" in out and "--posterior.gamma" in out


def test_print_config_shows_what_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--print_config", "--posterior.gamma", "0.25"])

    assert ended.value.code == 0
    assert "gamma: 0.25" in capsys.readouterr().out


# What is refused, each in one line

MISTAKES = {
    "--posterior.latent_dmi 3": "posterior: no option 'latent_dmi'; did you mean 'latent_dim'?",
    "--posterior.latent_dim abc": "posterior.latent_dim: expected a whole number, got abc",
    "--encoder lsmt": "--encoder: no encoder lsmt; did you mean lstm?",
    "--decoder gemma3": "--decoder: no decoder gemma3; known: convolutional, gpt2, .*, or a class",
    "--posterior GausianPosterior": "no class GausianPosterior; did you mean GaussianPosterior?",
    "--posterior nofile.yaml": "posterior: no file nofile.yaml",
    "--posterior no_module.Mine": "cannot import no_module.Mine: No module named 'no_module'",
    "--posteriro vmf": "no option 'posteriro'; did you mean 'posterior'?",
    "--trainer.max_epoch 5": "no option 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?",
    "--trainer.max_epochs many": "trainer.max_epochs: expected a whole number or null, got many",
    "--trainer.precision bf17": "trainer.precision: expected .*bf16-mixed.* got bf17",
    "--objective.beta Cyclicl": "objective.beta: no class Cyclicl; did you mean Cyclical?",
    "--objective.beta x": "objective.beta: expected a class or a number, got x",
    "--objective.beta.lenth 9": "objective.beta: no option 'lenth'; did you mean 'length'?",
    "--optimizer torch.optim.SDG": "cannot import torch.optim.SDG: .*; did you mean SGD?",
    "--optimizer SGD --optimizer.momentm 0.9": "no option 'momentm'; did you mean 'momentum'?",
    "--data.tokenizer WordTokenzer": "data.tokenizer: .*; did you mean WordTokenizer?",
    "--encoder.pooling men": "encoder.pooling: expected last, mean or max, got men",
    "--posterior.help BatchNormPosterio": "no class .*; did you mean BatchNormPosterior?",
    "--config ptb_bm": "no shipped configuration of that name; did you mean ptb_bn?",
    "--seed x": "seed: expected a whole number of at least 0, got x",
    "--posterior": "argument --posterior: expected one argument",
    "--config": "argument --config: expected one argument",
    "--samples 0": "samples: expected a whole number of at least 1, got 0",
    "--seed -1": "seed: expected a whole number of at least 0, got -1",
    "--seed 5000000000": "seed: expected a number below 4294967296, got 5000000000",
    "my.txt": "no option 'my.txt'; a text is named by --text",
    "trainer": "no option 'trainer'; did you mean '--trainer'?",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_named_in_one_line(line: str) -> None:
    with pytest.raises(UsageError, match=MISTAKES[line].replace("?", r"\?")) as raised:
        parse(line.split())

    assert "\n" not in str(raised.value)


FILES = {
    b"posterior:\n  init_args:\n    gama: 3\n": "bad.yaml: posterior: no option 'gama'; did you",
    b"posteriro: 3\n": "no option 'posteriro'; did you mean 'posterior'",
    b"posterior: {a: [\n": r"bad.yaml: no valid YAML: .* \(line 2, column 1\)",
    b"posterior: a: b\n": r"bad.yaml: no valid YAML: .* \(line 1, column 13\)",
    b"posterior: nofile.yaml\n": "bad.yaml: posterior: no file nofile.yaml",
    b"config: nofile\n": "no file nofile and no shipped configuration",
    b"config: vmf\n": "no file vmf .*; did you mean method/vmf?",
    b"config: [ptb_bn, method/vmf]\n": "bad.yaml: config: one file, got .*say the others by --con",
    b"config: 5\n": "bad.yaml: config: one file, got 5",
    b"config: ptb_bn\nposterior:\n  init_args: {gamma: 1}\n": "options without a class; name it",
    b"\xff\xfe\x00": "bad.yaml: no text in UTF-8",
}


@pytest.mark.parametrize("content", FILES)
def test_a_mistake_in_a_file_names_the_file(content: bytes) -> None:
    Path("bad.yaml").write_bytes(content)

    with pytest.raises(UsageError, match=FILES[content]) as raised:
        parse(["--config", "bad.yaml"])
    assert "\n" not in str(raised.value)


IMPOSSIBLE = {
    "--posterior.latent_dim 0": "latent_dim",
    "--posterior.gamma 0": "gamma",
    "--posterior vmf --posterior.concentration -1": "concentration",
    "--posterior batch_norm_scaled --posterior.tau 1": "tau",
    "--objective.beta Linear --objective.beta.length 10epochs": "10epochs",
    "--lr_schedule.warmup 2": "warmup",
    "--optimizer.lr -1": "Invalid learning rate",
    "--data.batch_size 0": "batch_size",
    "--decoder.tie_embeddings true --decoder.embedding_size 8": "8",
}


@pytest.mark.parametrize("line", IMPOSSIBLE)
def test_an_impossible_value_is_the_users_to_mend(line: str, text: Path) -> None:
    with pytest.raises(UsageError, match=IMPOSSIBLE[line]) as raised:
        built(text, *line.split()).configure_optimizers()

    assert "\n" not in str(raised.value)


def test_a_debug_switch_shows_where_a_constructor_fails(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTVAE_DEBUG", "1")

    with pytest.raises(ValueError, match="gamma") as raised:
        built(text, "--posterior.gamma", "0")
    assert not isinstance(raised.value, UsageError)


def test_sizes_are_bound_by_position(text: Path) -> None:
    """What the signature of `build` relies on: each constructor's first parameters."""
    import inspect

    from textvae.decoders import Decoder
    from textvae.encoders import Encoder
    from textvae.posteriors import Posterior
    from textvae.priors import Prior

    from .helpers import leaves

    sizes = {
        Encoder: ["vocab_size"],
        Posterior: ["in_features"],
        Prior: ["latent_dim"],
        Decoder: ["vocab_size", "latent_dim"],
    }
    for base, names in sizes.items():
        for leaf in leaves(base):
            assert list(inspect.signature(leaf).parameters)[: len(names)] == names, leaf


def test_the_full_help_lists_every_group() -> None:
    text = make_parser(shortcuts=True).format_help()

    for group in GROUPS:
        assert f"--{group}" in text
    assert "--text" in text and "--resume" in text


def test_the_short_help_names_every_group() -> None:
    assert set(GROUPS) <= set(HELP.split())


def test_a_bare_command_line_is_the_embedded_corpus_in_a_minute() -> None:
    assert config("--posterior", "vmf").trainer.max_epochs == 6
    assert config("--config", "default").trainer.max_epochs == 40
    assert config("--text", "my.txt").trainer.max_epochs == 40
    assert config("--data", "TextData").trainer.max_epochs == 40


def test_batch_norm_is_what_runs_by_default() -> None:
    found = config("--text", "my.txt")

    assert found.posterior.class_path.endswith(BatchNormPosterior.__name__)
    assert found.posterior.init_args.gamma == 0.6
    assert found.encoder.init_args.hidden_size == found.decoder.init_args.hidden_size == 256
    assert found.data.init_args.tokenizer is None  # what suits the text
