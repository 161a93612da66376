"""The distributions on the sphere: accuracy, law, gradients and speed, against their targets.

    python -m benchmarks.sphere [--json] [--only accuracy,law,speed] [--device cuda]
    python -m benchmarks.sphere --out docs/results/sphere --figures docs/figures

Exact values come from mpmath and quadrature, speeds beside those of reference samplers in the same
run, on one thread. The exit code is 1 where a target is missed.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from . import machine
from .spherical import accuracy, law, speed

PARTS = {"accuracy": accuracy.measure, "law": law.measure, "speed": speed.measure}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PARTS), help="the parts to measure")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, help="the folder to keep DEVICE.json in")
    parser.add_argument("--figures", type=Path, help="the folder to draw the figures in")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    report = {name: PARTS[name](device=arguments.device) for name in arguments.only.split(",")}
    targets = judge(report, arguments.device)
    report |= {"targets": targets, "machine": machine.name(torch.device(arguments.device))}
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        kept = arguments.out / f"{arguments.device}.json"
        kept.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if arguments.figures:
        from .spherical import figures

        figures.draw(arguments.figures, report["speed"])
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        show(report)
    return 0 if all(target["met"] for target in targets) else 1


def judge(report: dict[str, dict[str, float]], device: str) -> list[dict[str, object]]:
    """What was asked for beside what was found: at most a limit, or at least one."""
    limits: list[tuple[str, float, str, float]] = []
    if found := report.get("accuracy"):
        limits += [(name, found[name], "<=", most) for name, most in accuracy.TARGETS.items()]
    if found := report.get("law"):
        limits += [
            ("least p-value x tests", found["least p-value x tests"], ">=", law.SIGNIFICANCE),
            ("mean cosine, standard errors", found["mean cosine, standard errors"], "<=", 4),
            ("norm off 1, float32", found["norm off 1, float32"], "<=", 1e-6),
        ]
        for name in (
            "gradient beyond 4 standard errors, relative",
            "gradient without noise, relative",
        ):
            limits.append((name, found[name], "<=", 1e-4))
    if (found := report.get("speed")) and device == "cpu":
        normal = found["torch.randn"]
        for name, least in (
            ("w, fixed concentration", 0.15),
            ("w, one for each", 0.04),
            ("w, one for each, with gradient", 0.02),
        ):
            limits.append((f"{name} / torch.randn", found[name] / normal, ">=", least))
        limits.append(("z / Wood's", found["z"] / found["z, Wood's rejection"], ">=", 2.5))
        ratio = found["KL with gradient, ms"] / found["KL with gradient by scipy, ms"]
        limits.append(("KL with gradient / scipy's time", ratio, "<=", 1 / 8))
    return [
        {
            "name": name,
            "found": value,
            "limit": f"{sign} {limit:g}",
            "met": value <= limit if sign == "<=" else value >= limit,
        }
        for name, value, sign, limit in limits
    ]


def show(report: dict[str, dict[str, float]]) -> None:
    """Prints what was found, then the targets."""
    for part in PARTS:
        print(part) if part in report else None
        for name, value in report.get(part, {}).items():
            print(f"  {name:<46}{value:>12.4g}")
    print(f"targets, on {report['machine']['device']}, torch {report['machine']['torch']}")
    for target in report["targets"]:
        verdict = "met" if target["met"] else "MISSED"
        print(f"  {target['name']:<46}{target['found']:>12.4g}  {target['limit']:<10} {verdict}")


if __name__ == "__main__":
    sys.exit(main())
