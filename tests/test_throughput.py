"""The benchmark of speed, at a size at which it says nothing."""

import json

import pytest
import torch

from benchmarks import machine, throughput


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = machine.seconds
    monkeypatch.setattr(machine, "SHAPES", [(16, 16, 16)])
    monkeypatch.setattr(machine, "copy_bandwidth", lambda device: 1e9)
    monkeypatch.setattr(
        machine, "seconds", lambda calls, device, budget=0: seconds(calls, device, 0)
    )
    monkeypatch.setattr(throughput, "SIZES", [("LSTM", 4, 6)])
    monkeypatch.setattr(throughput, "SAMPLES", 100)
    monkeypatch.setattr(throughput, "STEPS", 3)


def test_every_path_is_beside_the_plain_one(
    small: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert throughput.main(["--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["machine"]["rate_bfloat16"] > 0 and report["peak_memory"] > 0
    rows = {path: report[f"{path} LSTM 4/6/32"] for path in throughput.PATHS}
    assert rows["training"].keys() == {
        "plain", "ours, same batch, bf16", "ours, token budget, bf16"
    }  # fmt: skip
    assert {"plain, beam", "ours, beam", "ours, beam, bf16"} < rows["decode"].keys()
    for path in rows.values():
        for name, row in path.items():
            assert row["per_second"] > 0 and row["flops"] > 0, name
            best = report["machine"]["rate_bfloat16" if "bf16" in name else "rate_float32"]
            share = row["per_second"] * row["flops"] / best
            assert row["share_of_best"] == pytest.approx(share)
            assert row["times_plain"] == 1 or not name.startswith("plain")
    # A word costs its products with the gates and the vocabulary, forwards and twice backwards.
    gates = 4 * 6
    forwards = 2 * gates * (4 + 6) + 2 * gates * (4 + 32 + 6) + 2 * 6 * throughput.VOCAB
    assert rows["training"]["plain"]["flops"] == 3 * forwards


def test_the_table_says_what_the_machine_can_do(
    small: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert throughput.main(["--only", "encode"]) == 0
    out = capsys.readouterr().out
    assert "rate_float32: " in out and f"torch: {torch.__version__.split('+')[0]}" in out
    assert "encode LSTM 4/6/32" in out and "10,000 at once" in out and "of the best" in out

    assert throughput.main(["--only", "encode,flying"]) == 2
    assert "no path flying; there are training, iw, encode, decode" in capsys.readouterr().err
