"""Linear probes, against labels whose best reachable accuracy is known."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from textvae.errors import UsageError
from textvae.metrics.probe import SIZES, probe

from .corpora import TINY

DROPPED = ("256", "40", "32")
"""The sizes of the embedded corpus among those options."""


def numbered(count: int) -> list[str]:
    return [f"sentence {i}" for i in range(count)]


def test_a_probe_reaches_what_can_be_reached() -> None:
    rng = np.random.default_rng(0)
    labels, texts = rng.integers(0, 2, 4000), numbered(4000)
    # Two Gaussians two standard deviations apart: the best classifier is right in 84.1 %.
    features = rng.normal(size=(4000, 6)) * [1, 9, 0.1, 1, 1, 1]
    features[:, 0] += 2.0 * labels
    found = probe(features, labels, texts)

    assert list(found.accuracy) == [size for size in SIZES if size <= 3000]
    assert found.accuracy[3000] == pytest.approx(0.841, abs=3 * (0.841 * 0.159 / 1000) ** 0.5)
    assert found.accuracy[10] < found.accuracy[100] < found.accuracy[3000] + 0.01
    assert found.held_out == pytest.approx(1000, abs=1)
    again = probe(features, labels, texts, [30])  # a seed fixes it
    assert again.accuracy == {30: found.accuracy[30]}
    assert found.chance == max(labels.mean(), 1 - labels.mean())
    nothing = probe(rng.normal(size=(4000, 3)), labels, texts, [1000]).accuracy[1000]
    assert nothing == pytest.approx(0.5, abs=3 * (0.25 / 1000) ** 0.5)


def test_repetitions_of_what_is_learned_are_not_held_out() -> None:
    """Labels that are chance can be known of a sentence that was seen, and of no other."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(np.arange(1600) % 400)  # each sentence four times
    features, labels = rng.normal(size=(400, 350))[rows], rng.integers(0, 2, 400)[rows]
    found = probe(features, labels, [numbered(400)[row] for row in rows], [1200])

    assert found.accuracy[1200] == pytest.approx(0.5, abs=3 * (0.25 / 100) ** 0.5)
    assert found.held_out == 4 * 100


def test_labels_may_be_words_and_many() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(["a", "b", "c"], 400)
    features = np.stack([labels == name for name in "abc"], axis=1) + rng.normal(size=(400, 3)) / 9

    found = probe(features, labels.tolist(), numbered(400), [3, 299])
    assert found.accuracy == {3: 1.0, 299: 1.0}


def test_what_makes_no_probe() -> None:
    features, texts = np.zeros((20, 2)), numbered(20)
    with pytest.raises(UsageError, match="at least two different labels"):
        probe(features, ["a"] * 20, texts)
    with pytest.raises(
        UsageError, match="at least 4 different sentences of each label, and . has 1"
    ):
        probe(features, ["a"] * 19 + ["b"], texts)
    with pytest.raises(
        UsageError, match="at least 4 different sentences of each label, and . has 2"
    ):
        probe(features, ["a", "b"] * 10, numbered(4) * 5)
    with pytest.raises(UsageError, match="16 sentences are too few for a probe of 100"):
        probe(features, ["a", "b"] * 10, texts, [100])


def test_the_command(
    command: Callable[..., tuple[int, str, str]], write: Callable[..., str]
) -> None:
    places = ["the farmers did not feed a goat .", "the cook burned some pies ."]
    texts = [f"{'so ' * i}{places[i % 2]}" for i in range(60)]
    path = write("labelled.tsv", [f"{i % 2}\t{text}" for i, text in enumerate(texts)])
    code, out, _ = command("probe", "tiny", "--text", path, "--json")

    assert code == 0
    found = json.loads(out)
    assert found["accuracy"] == {"10": 1.0, "30": 1.0} and found["chance"] == 0.5
    code, out, _ = command("probe", "tiny", "--text", path, "--sizes", "20")
    assert code == 0 and "20  100.0%" in out and "chance  50.0%" in out
    code, _, err = command("probe", "tiny", "--text", write("bare.txt", texts))
    assert code == 2 and "bare.txt: no labels; a line is a label, a tab and the text" in err
    headed = [f"{text}\t{i % 2}" for i, text in enumerate(texts)]
    rows = "".join(
        json.dumps({"label": i % 2, "text": text}) + "\n" for i, text in enumerate(texts)
    )
    for path in (
        write("headed.tsv", ["text\tlabel", *headed]),
        write("rows.jsonl.gz", gzip.compress(rows.encode())),
    ):
        code, out, _ = command("probe", "tiny", "--text", path, "--json")
        assert code == 0 and json.loads(out) == found, path
    code, _, err = command("probe", "tiny")
    assert code == 2 and "no labels: name their column by --label-column" in err


def test_a_labelled_run_reports_a_probe(
    tmp_path: Path, write: Callable[..., str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textvae.cli import main

    monkeypatch.chdir(tmp_path)
    path = write(
        "labelled.tsv", [f"{i % 2}\t{'cats dogs'.split()[i % 2]} {i}" for i in range(200)]
    )
    sizes = [option for option in TINY if "data" not in option and option not in DROPPED]
    columns = ["--data.text_column", "2", "--data.label_column", "1"]
    split = ["--data.fractions", "[0.2, 0.4]", "--data.tokenizer", "WordTokenizer"]
    assert main(["train", "--text", path, "--name", "mine", *columns, *split, *sizes]) == 0

    report = json.loads(Path("runs/mine/report.json").read_text())
    found = report["probe"]["accuracy"]
    assert list(found) == ["10", "30"] and report["probe_accuracy"] == found["30"]
    assert 0.4 < report["probe"]["chance"] < 0.6
