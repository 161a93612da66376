"""The queue of runs on Penn Treebank, on a corpus of a few lines."""

from pathlib import Path

import pytest

from benchmarks import ptb
from textvae.compare import execute, make_plan

SMALL = """
--encoder.embedding_size 8 --encoder.hidden_size 12 --decoder.embedding_size 8
--decoder.hidden_size 12 --posterior.latent_dim 2 --trainer.max_epochs 1 --samples 2
""".split()


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    for split, size in {"train": 60, "valid": 8, "test": 8}.items():
        lines = [f"the {'old ' * (i % 3)}cat saw dog n{i % 5}\n" for i in range(size)]
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    return str(tmp_path)


def test_what_is_queued_is_kept_beside_the_published_numbers(
    corpus: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["--text", corpus, "--methods", "annealing", "--out", "kept", *SMALL]
    assert ptb.main([*command, "--seeds", "1", "--jobs", "1"]) == 0

    lines = Path("kept/table.md").read_text().splitlines()
    assert lines[0].startswith("| method | published | ppl_iw | nll_iw |")
    assert lines[2].startswith("| lm | PPL 100.47 | ") and lines[2].count("|") == 13
    assert lines[3].startswith("| annealing | PPL 101.40, MI 0, AU 0 | ")
    for name in ("config.yaml", "report.json", "samples.txt", "curves.csv"):
        assert (Path("kept/ptb_benchmark-0") / name).is_file()
    assert corpus not in "\n".join(lines)
    assert corpus not in Path("kept/ptb_benchmark-0/config.yaml").read_text()

    monkeypatch.setattr(execute, "train", lambda *_, **__: pytest.fail("trained again"))
    assert ptb.main([*command, "--seeds", "1", "--jobs", "1"]) == 0
    assert ptb.main(["--text", corpus, "--methods", "nine", "--seeds", "1"]) == 2
    assert "benchmarks.ptb: --methods: no method nine" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["ptb", "/some/where/ptb", "/some/where/ptb/"])
def test_a_command_is_told_without_the_folders_of_a_machine(text: str) -> None:
    told = "python -m benchmarks.ptb --seeds 1 "
    assert ptb.command_of(["--seeds", "1", "--text", text], text) == f"{told}--text ptb/"
    assert ptb.command_of(["--seeds", "1", f"--text={text}"], text) == f"{told}--text=ptb/"


def test_every_recipe_is_of_the_published_size_and_ends_as_it_should(corpus: str) -> None:
    config = str(Path(ptb.__file__).with_name("ptb.yaml"))
    plan = make_plan(list(ptb.RECIPES.values()), 1, ["--config", config, "--text", corpus], "q")

    for method, asked in plan.configs.items():
        decoder, rate = asked["decoder"]["init_args"], asked["lr_schedule"]
        assert (decoder["embedding_size"], decoder["hidden_size"]) == (256, 256), method
        if asked["posterior"] is not None:
            assert asked["posterior"]["init_args"]["latent_dim"] == 32, method
        if "PlateauHalving" in rate["class_path"]:
            assert rate["init_args"]["last_patience"] == 6, method
