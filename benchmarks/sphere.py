"""The distributions on the sphere: accuracy, law, gradients and speed, against their targets.

    python -m benchmarks.sphere [--json] [--only accuracy,law,speed] [--device cuda]
    python -m benchmarks.sphere --out docs/results/sphere --figures docs/figures

Exact values come from mpmath and quadrature, speeds beside those of reference samplers in the same
run, on one thread. The exit code is 1 where a target is missed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from . import machine
from .spherical import accuracy, law, speed

PARTS = {"accuracy": accuracy.measure, "law": law.measure, "speed": speed.measure}

Found = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PARTS), help="the parts to measure")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, help="the folder to keep results in, a file a part")
    parser.add_argument("--figures", type=Path, help="the folder to draw the figures in")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if unknown := set(parts) - PARTS.keys():
        parser.error(f"--only: no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    torch.set_num_threads(1)
    torch.manual_seed(0)

    where = machine.name(torch.device(arguments.device))
    report = {}
    for part in parts:
        found = PARTS[part](device=arguments.device)
        targets = list(judge(part, found, arguments.device))
        report[part] = {"found": found, "targets": targets, "machine": where}
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            kept = arguments.out / f"{arguments.device}_{part}.json"
            kept.write_text(json.dumps(report[part], indent=2) + "\n", encoding="utf-8")
        if not arguments.json:
            show(part, report[part])
    if arguments.figures:
        from .spherical import figures

        figures.draw(arguments.figures, report.get("speed", {}).get("found", {}))
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    return 0 if all(target["met"] for part in report.values() for target in part["targets"]) else 1


def judge(part: str, found: Found, device: str) -> Iterator[dict[str, object]]:
    """What was asked for beside what was found."""
    for name, value, sign, limit in limits(part, found, device):
        met = value <= limit if sign == "<=" else value >= limit
        yield {"name": name, "found": value, "limit": f"{sign} {limit:.4g}", "met": met}


def limits(part: str, found: Found, device: str) -> Iterator[tuple[str, float, str, float]]:
    """A name, the value found, and the most or the least that it shall be."""
    if part == "accuracy":
        for name, most in accuracy.TARGETS.items():
            yield name, found[name], "<=", most
    if part == "law":
        for name, most in law.TARGETS.items():
            yield name, found[name], "<=", most
        yield law.P_VALUE, found[law.P_VALUE], ">=", law.SIGNIFICANCE
    if part == "speed" and device == "cpu":
        for name, least in speed.TARGETS.items():
            yield f"{name} / torch.randn", found[name] / found["torch.randn"], ">=", least
        yield "z / Wood's", found["z"] / found["z, Wood's rejection"], ">=", 2.5
        ours, copied = found["KL with gradient, ms"], found["KL with gradient by scipy, ms"]
        yield "KL with gradient / scipy's time", ours / copied, "<=", 1 / 8


def show(part: str, report: dict[str, dict]) -> None:
    """Prints what was found, then the targets."""
    print(f"{part}, on {report['machine']['device']}, torch {report['machine']['torch']}")
    for name, value in report["found"].items():
        print(f"  {name:<46}{value:>12.4g}")
    for target in report["targets"]:
        verdict = "met" if target["met"] else "MISSED"
        print(f"  {target['name']:<46}{target['found']:>12.4g}  {target['limit']:<10} {verdict}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
