"""Conditional models and labels, as a user meets them on the command line."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from textvae.cli import main
from textvae.runs import Run as Folder
from textvae.wiring.splits import data_of

from .corpora import TINY, A, B

Run = Callable[..., tuple[int, str, str]]

MOODS = ("guess", "question", "statement")


@pytest.fixture(scope="module")
def trained(place: Path) -> Iterator[Path]:
    """The same place with a conditional run beside the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        arguments = ["--config", "conditional", "--labels", "own_prior", "--data.label", "mood"]
        assert main(["train", *arguments, "--name", "moods", *TINY]) == 0
    return place


@pytest.fixture
def ask(trained: Path, command: Run) -> Run:
    return command


@pytest.fixture
def rows(trained: Path) -> str:
    """A labelled corpus in the words of the runs."""
    data = data_of(Folder.existing(str(trained / "runs" / "moods")))
    lines = zip(data.labels("train"), data.texts("train"), strict=True)
    path = trained / "rows.tsv"
    path.write_text("mood\ttext\n" + "".join(f"{a}\t{b}\n" for a, b in lines))
    return str(path)


def test_a_run_keeps_its_labels_and_reports_given_them(ask: Run, trained: Path) -> None:
    folder = trained / "runs" / "moods"
    described = json.loads((folder / "model" / "config.json").read_text())
    assert described["labels"]["init_args"] == {
        "names": list(MOODS), "latent_dim": 4, "prior": True
    }  # fmt: skip
    report = json.loads((folder / "report.json").read_text())
    assert report["protocol"]["given"] == "label" and report["floor"] is None
    assert report["mi_full_ceiling"] < math.log(40)
    samples = (folder / "samples.txt").read_text()
    assert all(f"Samples of {mood}\n" in samples for mood in MOODS)
    assert yaml.safe_load((folder / "config.yaml").read_text())["labels"]["init_args"]["prior"]


def test_evaluation_takes_labels_from_the_split_or_the_column(ask: Run, rows: str) -> None:
    code, out, _ = ask("evaluate", "moods", "--samples", "3", "--json")
    assert code == 0 and json.loads(out)["protocol"]["given"] == "label"
    named = ("--text", rows, "--text-column", "text", "--samples", "2", "--json")
    code, out, _ = ask("evaluate", "moods", *named, "--label-column", "mood")
    assert code == 0 and json.loads(out)["protocol"]["sentences"] == 256
    code, out, err = ask("evaluate", "moods", *named)
    assert (code, out) == (2, "") and "name one of guess, question, statement" in err
    bounds = {}
    for mood in MOODS[:2]:
        code, out, _ = ask("evaluate", "moods", *named, "--label", mood)
        found = json.loads(out)
        assert code == 0 and found["mi_full_ceiling"] == pytest.approx(math.log(256))
        bounds[mood] = found["nll_iw"]
    assert bounds["guess"] != bounds["question"]


def test_a_way_past_other_sentences_is_for_one_label(ask: Run, trained: Path) -> None:
    (trained / "ends.tsv").write_text(f"mood\ttext\nstatement\t{A}\nstatement\t{B}\n")
    columns = ("--text", "ends.tsv", "--text-column", "text", "--label-column", "mood")
    aggregate = ("--path", "aggregate", "--steps", "3")
    code, out, err = ask("interpolate", "moods", *columns, *aggregate)
    assert (code, out) == (2, "") and "aggregate is for one label: give it by --label" in err
    code, out, err = ask("interpolate", "moods", A, B, *aggregate, "--label", "statement")
    assert code == 0 and len(out.splitlines()) == 3, err
    code, out, err = ask("interpolate", "moods", *columns, "--steps", "3")
    assert code == 0 and len(out.splitlines()) == 3, err


def test_sentences_are_given_their_label(ask: Run, rows: str, tmp_path: Path) -> None:
    code, out, _ = ask("sample", "moods", "--label", "question", "-n", "3")
    assert code == 0 and len(out.splitlines()) == 3
    assert out != ask("sample", "moods", "--label", "guess", "-n", "3")[1]
    given = ask("encode", "moods", A, "--label", "statement")[1]
    assert given != ask("encode", "moods", A, "--label", "guess")[1]
    for arguments in (
        ("reconstruct", "moods", A, "--label", "statement"),
        ("interpolate", "moods", A, B, "--label", "guess", "--steps", "3"),
        ("perturb", "moods", A, "--label", "guess", "-n", "2"),
        ("neighbors", "moods", A, "--label", "guess"),
        ("traverse", "moods", A, "--label", "guess", "--axis", "0"),
        ("infill", "moods", "the cook _ some pies .", "--label", "guess", "--proposals", "3"),
        ("transfer", "moods", A, "--from", "statement", "--to", "question"),
        ("novelty", "moods", "-n", "5"),
        ("probe", "moods", "--sizes", "10", "--split", "train"),
    ):
        code, out, err = ask(*arguments)
        assert code == 0 and out, err
    columns = ("--text", rows, "--text-column", "text", "--label-column", "mood")
    path = tmp_path / "z.npz"
    assert ask("export", "moods", *columns, "--out", str(path))[0] == 0
    code, out, _ = ask("encode", "moods", *columns, "--json")
    assert np.allclose(np.load(path)["z"], json.loads(out), atol=1e-6)


def test_another_model_takes_a_classifier(ask: Run, rows: str) -> None:
    columns = ("--text", rows, "--text-column", "text", "--label-column", "mood")
    code, out, err = ask("sample", "tiny", "--label", "question", *columns, "-n", "2")
    assert code == 0 and len(out.splitlines()) == 2, err
    moves = ("transfer", "tiny", A, "--from", "statement", "--to", "guess", *columns)
    code, out, err = ask(*moves, "--by", "classifier", "--confidence", "0.6")
    assert code == 0 and len(out.splitlines()) == 1, err
    code, out, err = ask("sample", "tiny", "--label", "question")
    assert (code, out) == (2, "") and "no labels: name their column by --label-column" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sample", "moods", "--label", "fine"), "no label fine; it had: guess, question, statem"),
        (("sample", "moods", "--text", "x.txt"), "--text is for a --label that the model itself"),
        (("sample", "moods", "--split", "test"), "--split is for a --label that the model itself"),
        (("evaluate", "moods", "--label", "guess"), "a split has its own labels"),
        (
            ("encode", "moods", "--text", "x", "--label", "guess", "--label-column", "mood"),
            "both by --label and --label-column",
        ),
        (("encode", "moods", A), "a conditional model needs the label of each sentence"),
        (("encode", "tiny", A, "--label", "guess"), "the model takes no label"),
        (("probe", "moods", "--label", "guess"), "--label: the corpus has its own labels"),
        (("export", "moods", "--label", "guess", "--out", "a.npz"), "has its own labels; leave"),
        (("plot", "moods", "kl", "--label", "guess", "--out", "a.png"), "has its own labels"),
        (("decode", "moods", "nowhere.npy", "--label", "guess"), "nowhere.npy: cannot be read"),
        (("encode", "moods", A, "--label-column", "mood"), "--label-column is of a file"),
        (("transfer", "tiny", A, "--from", "a", "--to", "b", "--by", "label"), "takes no label"),
        (
            ("transfer", "moods", A, "--from", "a", "--to", "b", "--strength", "2"),
            "is for --by means, not label",
        ),
        (
            ("transfer", "moods", A, "--from", "a", "--to", "b", "--by", "classifier"),
            "--by classifier is for a model without labels",
        ),
        (
            ("transfer", "moods", A, "--from", "a", "--to", "b", "--text", "x.tsv"),
            "--text is for --by means or classifier, not label",
        ),
        (("train", "--config", "conditional", "--name", "no"), "labels: the training text has 0"),
        (("train", "--config", "conditional", "--data.label", "taste"), "no factor taste; there"),
    ],
)
def test_mistakes_end_in_one_line(ask: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = ask(*arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1] and err.splitlines()[-1].startswith("textvae ")
    assert "Traceback" not in err
