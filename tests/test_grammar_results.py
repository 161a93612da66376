"""The page of the remedies on the grammar, from runs of a few sentences."""

import json
import shlex
from pathlib import Path

import pytest

from benchmarks import grammar
from textvae.compare import execute, method_names

SMALL = """
--data.train_size 64 --data.valid_size 24 --data.test_size 40 --data.batch_size 32
--encoder.embedding_size 8 --encoder.hidden_size 12 --decoder.embedding_size 8
--decoder.hidden_size 12 --posterior.latent_dim 2 --trainer.max_epochs 1 --samples 2
--trainer.callbacks [] --methods lm,iwae,none --seeds 1 --out kept
""".split()


def test_it_runs_what_is_missing_and_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grammar, "BETAS", (0.25, 0.5, 1.0))
    assert grammar.main(SMALL) == 0

    text = Path("kept/README.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert set(rows[2:5]) == {"| lm", "| none", "| iwae"}
    assert rows[5:] == ["| beta", "| ---", "| 0.25", "| 0.5", "| 1.0"]
    assert "2 methods and a language model" in text
    assert f"\npython -m benchmarks.grammar {shlex.join(SMALL)}\n" in text
    for name in ("plane", "beta"):
        assert Path(f"kept/{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    summary = json.loads(Path("kept/remedies.json").read_text(encoding="utf-8"))["summary"]
    assert {"lm", "none", "iwae"} == set(summary)

    monkeypatch.setattr(execute, "train", lambda *_, **__: pytest.fail("trained again"))
    assert grammar.main(SMALL) == 0
    assert grammar.main([*SMALL, "--methods", "nine"]) == 2
    assert "benchmarks.grammar: --methods: no method nine" in capsys.readouterr().err


def test_every_remedy_that_ships_is_run_and_the_costly_ones_last() -> None:
    methods = grammar.by_cost(method_names())

    assert sorted([*methods, "lm"]) == method_names()
    assert set(methods[-len(grammar.COSTLY) :]) == set(grammar.COSTLY)
