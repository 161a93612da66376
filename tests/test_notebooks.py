"""The notebooks run from top to bottom, with less text and fewer epochs than they show."""

import json
import re
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))
LARGEST = 500_000
"""The bytes of a notebook with its pictures."""


def cells(path: Path) -> list[dict]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    plt.switch_backend("agg")
    names: dict[str, object] = {"__name__": path.stem}
    with torch.random.fork_rng([]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
        for cell in cells(path):
            code = "".join(cell["source"])
            if "parameters" in cell["metadata"].get("tags", []):
                code = re.sub(r"= \d+, \d+", "= 200, 1", code)
            exec(compile(code, f"{path.name}: {code[:40]}", "exec"), names)
    assert names["SENTENCES"] == 200 and plt.get_fignums()
    plt.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_shows_what_it_found(path: Path) -> None:
    found = cells(path)
    counts = [cell["execution_count"] for cell in found]
    outputs = [output for cell in found for output in cell["outputs"]]

    assert counts == list(range(1, len(found) + 1))  # once, from top to bottom
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert path.stat().st_size < LARGEST
