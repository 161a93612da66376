"""Keeps what a run showed: its configuration, report, samples and curves, and a table of several.

    python -m benchmarks.collect runs/ptb_annealing runs/ptb_bn --out docs/results/ptb

Paths of this machine are reduced to the names of their folders.
"""

import argparse
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("ppl_iw", "nll_iw", "nll_elbo", "kl", "mi_full", "au", "z_gain", "bleu")
CURVES = ("valid_nll_elbo", "valid_kl", "learning_rate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()

    print(table({run.name: keep(run, arguments.out) for run in arguments.runs}))


def keep(run: Path, out: Path) -> dict:
    """Copies what a run showed into a folder of `out`, and returns its report."""
    kept = out / run.name
    kept.mkdir(parents=True, exist_ok=True)
    config = re.sub(r"(text: )/\S*/", r"\1", (run / "config.yaml").read_text(encoding="utf-8"))
    (kept / "config.yaml").write_text(config, encoding="utf-8")
    for name in ("report.json", "samples.txt"):
        (kept / name).write_bytes((run / name).read_bytes())
    with open(kept / "curves.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("epoch", *CURVES))
        writer.writerows(epochs(run / "metrics.csv"))
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


def epochs(metrics: Path) -> Iterator[tuple[str, ...]]:
    """The validation metrics of each epoch, with the last learning rate before them."""
    rate = ""
    with open(metrics, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rate = row.get("learning_rate") or rate
            if row.get("valid_nll_elbo"):
                values = {**row, "learning_rate": rate}
                # The first epochs of a short run may end before a rate is logged.
                written = (values[name] and f"{float(values[name]):.4g}" for name in CURVES)
                yield row["epoch"], *written


def table(reports: dict[str, dict]) -> str:
    """The reports side by side, in Markdown."""
    lines = [
        "| run | " + " | ".join(COLUMNS) + " | minutes of training |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for name, report in reports.items():
        cells = [
            f"{report[column]:.4g}" if report[column] is not None else "-" for column in COLUMNS
        ]
        minutes = report["seconds"].get("train", float("nan")) / 60
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {minutes:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
