"""Every shipped configuration parses, says what it is, and builds a model."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonargparse import Namespace

from textvae.errors import UsageError
from textvae.wiring.build import build
from textvae.wiring.configs import CONFIGS, config_names, find_config
from textvae.wiring.parser import GROUPS, dump, instantiate
from textvae.wiring.request import parse

FILES = sorted(CONFIGS.rglob("*.yaml"))
FRAGMENTS = [path for path in FILES if path.parent.name in GROUPS]
WHOLE = [path for path in FILES if path.parent.name in ("experiment", "method")]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    words = ["cat", "dog", "bird", "cow"]
    lines = [f"the {a} sees the {b} {n} ." for a in words for b in words for n in range(8)]
    path.write_text("\n".join(lines), encoding="utf-8")
    rows = "".join(f"{line}\t{i % 2}\n" for i, line in enumerate(lines))
    path.with_suffix(".tsv").write_text(f"text\tlabel\n{rows}", encoding="utf-8")
    return path


def test_there_is_nothing_but_fragments_and_whole_runs() -> None:
    assert len(FILES) == len(FRAGMENTS) + len(WHOLE) >= 20


@pytest.mark.parametrize("path", FILES, ids=named)
def test_the_first_line_says_what_it_is(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]

    assert first.startswith("# ") and len(first) > 20


@pytest.mark.parametrize("path", FRAGMENTS, ids=named)
def test_a_fragment_is_one_value(path: Path) -> None:
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.parent.name != "trainer":
        assert value.keys() <= {"class_path", "init_args"}
    config = parse([f"--{path.parent.name}", path.stem]).config

    parts = instantiate(config)
    assert parts[path.parent.name] is not None


@pytest.mark.parametrize("path", WHOLE, ids=named)
def test_a_whole_run_builds(path: Path, corpus: Path) -> None:
    if path.stem == "pretrained":
        pytest.skip("its weights are on the hub")
    options = ["--text", str(corpus)]
    if path.stem == "conditional":
        options = ["--text", str(corpus.with_suffix(".tsv")), "--data.label_column", "label"]
    config = parse(["--config", str(path), *options]).config

    parts = instantiate(config)
    parts.pop("trainer")
    module = build(**parts)
    optimizer = module.configure_optimizers()
    count = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    assert count == sum(p.numel() for p in module.vae.parameters()) > 10_000


@pytest.mark.parametrize("path", WHOLE, ids=named)
def test_what_is_dumped_reads_back(path: Path, tmp_path: Path) -> None:
    text = dump(parse(["--config", str(path)]).config)
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")

    again = parse(["--config", str(tmp_path / "config.yaml")]).config
    assert dump(again) == text


PLACES = (
    ("configs", "textvae/configs", "yaml"),
    ("textvae", "textvae", "py"),
    ("textvae", "textvae", "html"),
)


def test_an_installation_has_them_too(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    root, copy = CONFIGS.parent, tmp_path / "copy"
    for name in ("configs", "textvae"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, copy)

    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    for folder, place, suffix in PLACES:
        shipped, built = root / folder, tmp_path / "lib" / place
        names = {path.relative_to(shipped) for path in shipped.rglob(f"*.{suffix}")}
        assert {path.relative_to(built) for path in built.rglob(f"*.{suffix}")} == names


def test_configurations_are_found_by_name_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for name in config_names():
        assert find_config(name).is_file()
    assert find_config("ptb_bn").parent.name == "experiment"
    (tmp_path / "ptb_bn").touch()
    assert find_config("ptb_bn") == tmp_path / "ptb_bn"
    with pytest.raises(UsageError, match="no file ptb_bm .*; did you mean ptb_bn?"):
        find_config("ptb_bm")


PAPERS = ("he2019", "li2019", "zhu2020", "fu2019", "xu2018")
CORPORA = {"ptb": (256, 256), "yahoo": (512, 1024), "yelp": (512, 1024), "snli": (128, 512)}


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("corpus_name", CORPORA)
def test_a_published_protocol_has_its_numbers(paper: str, corpus_name: str) -> None:
    """Batch, sizes of embedding and layer, optimiser, clipping, epochs and what is the paper's."""
    config = parse(["--config", f"{paper}_{corpus_name}"]).config
    encoder, decoder = config.encoder.init_args, config.decoder.init_args
    posterior, objective = config.posterior, config.objective
    sizes = (100, 400) if paper == "xu2018" else CORPORA[corpus_name]
    found = (
        config.data.init_args.batch_size,
        config.optimizer.class_path.rpartition(".")[2],
        config.optimizer.init_args.lr,
        config.trainer.gradient_clip_val,
        config.trainer.max_epochs,
        posterior.init_args.latent_dim,
        decoder.init_range,
        config["update"].class_path.rpartition(".")[2],
    )
    unk = config.data.init_args.tokenizer.init_args.unk_token

    assert (encoder.embedding_size, encoder.hidden_size) == sizes
    assert (decoder.embedding_size, decoder.hidden_size) == sizes
    assert decoder.input_dropout == decoder.output_dropout == 0.5
    assert unk == ("_UNK" if corpus_name in ("yahoo", "yelp") else "<unk>")
    assert (
        found
        == {
            "he2019": (32, "SGD", 1.0, 5.0, 100, 32, 0.01, "Aggressive"),
            "li2019": (32, "SGD", 0.5, 5.0, 120, 32, 0.01, "Pretraining"),
            "zhu2020": (32, "SGD", 0.5, 5.0, 100, 32, 0.01, "Joint"),
            "fu2019": (32, "Adam", 0.001, 5.0, 40, 32, 0.1, "Joint"),
            "xu2018": (20, "SGD", 10.0, 0.25, 100, 50, None, "Joint"),
        }[paper]
    )
    if paper == "he2019":
        assert warm_up(objective) == (0.1, 1.0, "10ep", 0)
        assert config["update"].init_args.as_dict() == {"window": 15, "max_steps": 99}
    if paper == "li2019":
        assert objective.init_args.rate == 8 and objective.init_args.per == "dimension"
        assert config["update"].init_args.as_dict() == {"length": "20ep", "reset_decoder": True}
        assert warm_up(objective) == (0.0, 1.0, "10ep", "20ep")  # it follows pre-training
    if paper == "fu2019":
        beta = objective.init_args.beta.init_args
        assert (beta.period, beta.start, beta.rise) == ("10ep", 0.1, 0.45)  # up by 0.2 an epoch
        assert config.lr_schedule.class_path.endswith("CosineRestarts")
        assert config.lr_schedule.init_args.period == 10
    if paper == "zhu2020":
        assert posterior.init_args.gamma == 0.5 and encoder.init_range is None
        assert posterior.init_args.eps == 1e-5
        assert warm_up(objective) == (0.0, 1.0, "10ep", 0)
    if paper == "xu2018":
        assert posterior.init_args.concentration == (80 if corpus_name == "yelp" else 35)
        assert objective.init_args.beta == 1


def warm_up(objective: Namespace) -> tuple[float, float, str, str | int]:
    """Start, end, length and delay of the weight of the divergence."""
    beta = objective.init_args.beta
    assert beta.class_path.endswith(".Linear")
    return tuple(beta.init_args[name] for name in ("start", "end", "length", "delay"))


# Patience, first epoch, factor, halvings, whether the best comes back, and is of since the last.
HALVINGS = {
    "benchmark": (2, 15, 0.5, 5, True, True),
    "he2019": (2, 15, 0.5, 5, True, True),
    "li2019": (5, 35, 0.5, 5, True, True),
    "zhu2020": (5, 15, 0.5, 5, True, True),
    "xu2018": (1, 0, 0.8333, 15, False, False),
}


@pytest.mark.parametrize("paper", HALVINGS)
@pytest.mark.parametrize("corpus_name", CORPORA)
def test_a_published_protocol_halves_as_its_code(paper: str, corpus_name: str) -> None:
    parts = (corpus_name, paper) if paper == "benchmark" else (paper, corpus_name)
    rate = parse(["--config", "_".join(parts)]).config.lr_schedule
    names = "patience", "start_epoch", "factor", "max_decays", "reload_best", "since_halving"

    assert rate.class_path == "textvae.training.PlateauHalving"
    assert tuple(rate.init_args[name] for name in names) == HALVINGS[paper]
    assert rate.init_args.last_patience is None and rate.init_args.monitor == "valid_loss"


@pytest.mark.parametrize("corpus_name", CORPORA)
def test_the_benchmark_has_its_numbers(corpus_name: str) -> None:
    """Those that the papers' protocols over it replace, and so do not show."""
    config = parse(["--config", f"{corpus_name}_benchmark"]).config

    assert warm_up(config.objective) == (0.0, 1.0, "10ep", 0)
    assert config["update"].class_path.endswith("Joint")
    assert config.optimizer.class_path == "torch.optim.SGD"
    assert config.optimizer.init_args.lr == 1 and config.data.init_args.batch_size == 32
    posterior = config.posterior.init_args
    assert (posterior.latent_dim, posterior.bias, posterior.init_range) == (32, False, 0.01)


def test_recipes_of_penn_treebank_are_of_one_size() -> None:
    def count(name: str) -> int:
        parts = instantiate(parse(["--config", name]).config)
        encoder = parts["encoder"](10_000)
        posterior = parts["posterior"](encoder.out_features)
        made = encoder, posterior, parts["decoder"](10_000, posterior.latent_dim)
        return sum(p.numel() for part in made for p in part.parameters())

    assert count("ptb_transformer") == pytest.approx(count("ptb_bn"), rel=0.05)
    # A projection of 256 x 256 and its bias, and nothing else.
    assert count("ptb_best") == count("ptb_bn") + 256 * 257 < count("ptb_benchmark")


def test_a_folder_does_not_hide_a_fragment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of a model, by which one would call it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt2").mkdir()

    config = parse(["--decoder", "gpt2", "--decoder.pretrained", "gpt2"]).config
    assert config["decoder"]["class_path"] == "textvae.decoders.TransformerDecoder"
