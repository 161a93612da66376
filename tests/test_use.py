"""The commands on a latent space, as a user runs them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import textvae

from .corpora import A, B

Run = Callable[..., tuple[int, str, str]]

C = "this captain will steer the small boat ."


@pytest.fixture
def corpus(command: Run) -> str:
    vae = textvae.load("tiny")
    lines = vae.sample(30, max_length=12)
    rows = (f"{len(line) % 2}\t{line}\n" for line in lines if line.strip())
    Path("rows.tsv").write_text("kind\tline\n" + "".join(rows))
    return "rows.tsv"


COLUMNS = ("--text-column", "line", "--label-column", "kind")


def test_neighbours_come_nearest_first(command: Run, corpus: str) -> None:
    code, out, _ = command("neighbors", "tiny", A, "--top", "4")
    distances = [float(line.split("\t")[0]) for line in out.splitlines()]
    assert code == 0 and len(distances) == 4 and distances == sorted(distances)
    code, out, _ = command("neighbors", "tiny", A, B, "--text", corpus, *COLUMNS, "--json")
    assert code == 0 and [len(row["neighbors"]) for row in json.loads(out)] == [5, 5]


def test_sentences_come_of_sentences(command: Run) -> None:
    assert command("analogy", "tiny", A, B, A)[1] == command("reconstruct", "tiny", B)[1]
    assert len(command("perturb", "tiny", A, "-n", "3")[1].splitlines()) == 3
    assert (
        len(command("traverse", "tiny", A, "--dimension", "2", "--steps", "4")[1].split("\n")) == 5
    )
    assert len(json.loads(command("traverse", "tiny", A, "--axis", "0", "--json")[1])) == 7
    code, out, _ = command("infill", "tiny", "the cook _ some pies .", "--proposals", "9")
    assert code == 0
    assert all(re.match(r"\d+\.\d\d\tthe cook .* some pies \.$", x) for x in out.splitlines())


def test_sentences_of_an_operation_come_on_standard_input(command: Run, corpus: str) -> None:
    kinds = ("--from", "0", "--to", "1", "--text", corpus, *COLUMNS)
    for arguments, more in (
        (("neighbors", "tiny", A, B), ("--top", "2")),
        (("transfer", "tiny", A, B), kinds),
        (("transfer", "tiny", A), (*kinds, "--by", "classifier")),
        (("perturb", "tiny", A), ("-n", "2")),
        (("traverse", "tiny", A), ("--dimension", "1")),
        (("infill", "tiny", "the cook _ some pies ."), ("--proposals", "3")),
        (("encode", "tiny", A, B), ()),
        (("analogy", "tiny", A, B, A), ()),
    ):
        lines = "\n".join(arguments[2:])
        code, out, err = command(*arguments, *more)
        assert code == 0 and out, err
        assert command(*arguments[:2], *more, stdin=lines)[:2] == (0, out)
        assert command(*arguments[:2], "-", *more, stdin=lines)[:2] == (0, out)
    way = ("plot", "tiny", "interpolation", "--steps", "3", "--out", "way.png")
    assert command(*way, stdin=f"{A}\n{B}\n")[0] == 0


def test_labels_are_transferred(command: Run, corpus: str) -> None:
    arguments = ("transfer", "tiny", A, B, "--from", "0", "--to", "1", "--text", corpus)
    code, out, _ = command(*arguments, *COLUMNS)
    assert code == 0 and len(out.splitlines()) == 2
    code, out, err = command(*arguments)
    assert (code, out) == (2, "") and "name the column of sentences" in err
    code, out, err = command("transfer", "tiny", A, "--from", "0", "--to", "1")
    assert (code, out) == (2, "") and "no labels: name their column" in err
    unknown = ["7" if argument == "1" else argument for argument in arguments]
    code, out, err = command(*unknown, *COLUMNS)
    assert (code, out) == (2, "") and "no sentence has the label 7; there are: 0, 1" in err
    for by in ("means", "classifier"):
        unknown = ["x" if argument == "0" else argument for argument in arguments]
        code, out, err = command(*unknown, *COLUMNS, "--by", by)
        assert (code, out) == (2, "") and "no sentence has the label x; there are: 0, 1" in err


def test_sentences_are_read_from_a_table(command: Run, corpus: str) -> None:
    lines = command("reconstruct", "tiny", "--text", corpus, "--text-column", "line")[1]
    assert lines.count("\n") == Path(corpus).read_text().count("\n") - 1
    code, out, err = command("encode", "tiny", "--text", corpus)
    assert (code, out) == (2, "") and "name the column of sentences" in err
    # The same table by a pattern, on standard input, and for the numbers of a model.
    column = ("--text-column", "line")
    assert command("reconstruct", "tiny", "--text", "ro*.tsv", *column)[1] == lines
    assert command("reconstruct", "tiny", *column, stdin=Path(corpus).read_text())[1] == lines
    evaluate = ("evaluate", "tiny", "--samples", "2", "--json", "--text", corpus, *column)
    found = json.loads(command(*evaluate)[1])["protocol"]
    assert found["sentences"] == lines.count("\n")


def test_a_labelled_table_comes_on_standard_input(command: Run, corpus: str) -> None:
    arguments = ("transfer", "tiny", A, "--from", "0", "--to", "1", *COLUMNS, "--text")
    table = Path(corpus).read_text()
    code, out, _ = command(*arguments, "-", stdin=table)
    assert (code, out) == command(*arguments, corpus)[:2] and code == 0


def test_novelty_is_told(command: Run) -> None:
    code, out, _ = command("novelty", "tiny", "-n", "20", "--max-length", "12")
    assert code == 0 and "of the" not in out and "in the 256 training sentences" in out
    found = json.loads(command("novelty", "tiny", "-n", "5", "--json")[1])
    assert found["samples"] == 5 and 0 <= found["copies"] <= 1


def test_latents_go_into_one_file(command: Run, corpus: str) -> None:
    code, out, err = command("export", "tiny", "--out", "z.npz", "--text", corpus, *COLUMNS)
    with np.load("z.npz") as file:
        assert file["z"].shape == (len(file["text"]), 4) and set(file["label"]) <= {"0", "1"}
    assert (code, out) == (0, "") and "wrote z.npz: " in err
    assert command("export", "tiny", "--out", "z.csv")[0] == 2


def test_a_file_says_what_it_holds(command: Run) -> None:
    out = command("encode", "tiny", A, B, "--out", "z.npy", "--json")[1]
    assert json.loads(out) == {"file": "z.npy", "sentences": 2}
    np.savez("bundle.npz", z=np.zeros((2, 4)))
    Path("empty.npy").write_bytes(b"")
    Path("bundle.npz").rename("bundle.npy")
    np.save("pairs.npy", np.zeros(2, dtype=[("a", "f4"), ("b", "f4")]))
    np.save("complex.npy", np.zeros((2, 4), dtype=complex))
    np.save("words.npy", np.full((2, 4), "1"))
    for name in ("empty.npy", "bundle.npy", "pairs.npy", "complex.npy", "words.npy"):
        code, out, err = command("decode", "tiny", name)
        assert (code, out, err.count("\n")) == (2, "", 1) and "no array of numbers" in err


def test_latents_beyond_all_bounds_are_refused(command: Run) -> None:
    for value in (1e300, np.inf, np.nan):
        np.save("far.npy", np.full((2, 4), value))
        code, out, err = command("decode", "tiny", "far.npy")
        assert (code, out, err.count("\n")) == (2, "", 1) and "some that are not finite" in err


def test_figures_are_drawn(command: Run, corpus: str) -> None:
    for arguments in (
        ("map", "--out", "a.png"),
        ("map", "--out", "b.svg", "--text", corpus, *COLUMNS),
        ("kl", "--out", "c.png"),
        ("interpolation", A, B, "--out", "d.png", "--steps", "4"),
    ):
        code, out, err = command("plot", "tiny", *arguments)
        assert (code, out) == (0, "") and "wrote " in err, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("analogy", "tiny", A, B), "an analogy is made of three sentences, A B C, got 2"),
        (("traverse", "tiny", A), "one of the arguments --dimension --axis is required"),
        (("traverse", "tiny", A, "--dimension", "9"), "there is no dimension 9; this model has 0"),
        (("infill", "tiny", A), "infilling needs one blank"),
        (("perturb", "tiny", " "), "sentence 1 is empty; give one with words in it"),
        (("neighbors", "tiny", A, ""), "sentence 2 is empty"),
        (("traverse", "tiny", "", "--dimension", "0"), "sentence 1 is empty"),
        (("plot", "tiny", "map", A, "--out", "a.png"), "sentences are for interpolation; a map"),
        (("encode", "tiny", A, "--out", "z.txt"), "z.txt: a file of latents alone ends in .npy"),
        (("encode", "tiny", A, "--text-column", "2"), "--text-column is of a file"),
        (("evaluate", "tiny", "--text-column", "2"), "--text-column is of a file"),
        (("plot", "tiny", "map", "--out", "a.gif"), "a.gif: a figure ends in .png or .svg"),
        (("plot", "tiny", "map", "--out", "a.png", "--color-by", "label"), "no labels: name"),
        (("plot", "tiny", "interpolation", A, "--out", "a.png"), "between two sentences, got 1"),
        (("neighbors", "tiny", A, "--text", "none*.txt"), "no file has such a name"),
        (("neighbors", "tiny/model", A), "no run named|without its run|is not a run"),
        (("neighbors", "tiny", A, "--text", ""), "--text: the name is empty; give one"),
        (("reconstruct", "tiny", "--text", ""), "--text: the name is empty"),
        (("probe", "tiny", "--text", ""), "--text: the name is empty"),
        (("sample", ""), "RUN: the name is empty; give one"),
        (("neighbors", "tiny", "--text", "-"), "standard input is the corpus of --text; give sen"),
        (("neighbors", "tiny"), "standard input: no sentence in it"),
        (("perturb", "tiny", A, B), "it takes one sentence at a time, got 2"),
        (("reconstruct", "tiny", "-", "--text", "x"), "both as arguments and by --text"),
        (("perturb", "tiny", A, "--scale", "inf"), "--scale: inf is not a number from 0 to 4,29"),
        (("traverse", "tiny", A, "--dimension", "0", "--span", "inf"), "--span: inf is not a num"),
        (("sample", "tiny", "--temperature", "inf"), "--temperature: inf is not a number from"),
        (("sample", "tiny", "--temperature", "nan"), "--temperature: nan is not a number of at"),
        (
            ("export", "tiny", "--out", "a.npz", "--label-column", "x"),
            "--label-column is of a file",
        ),
    ],
)
def test_misuse_is_refused_in_one_line(
    command: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = command(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1) and re.search(message, err), err
