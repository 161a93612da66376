"""Scores interpolations: linear, spherical, and along the aggregate posterior.

    python -m benchmarks.interpolation runs/ptb_bn runs/ptb_vmf --language-model runs/ptb_lm \\
        --text ptb/test.txt --out docs/results/interpolation/ptb.md

Pairs of sentences are drawn by a seed, and each is joined in every way that the model's space
allows. The table has the mean of each score over the pairs, with its standard error.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch

import textvae
from textvae.api import TextVAE
from textvae.data.reader import Tally
from textvae.data.tables import Columns, read_rows
from textvae.interpolation import path
from textvae.metrics.paths import PathScore, score_path
from textvae.metrics.reconstruction import is_spaced
from textvae.operations.following import followed

PATHS = ("linear", "spherical", "aggregate")
SCORES = {
    "fluency": "nats per word between the ends",
    "distinct": "different lines",
    "monotone": "share of steps that go forward",
    "midpoint": "nats per word of the middle beyond the ends",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="trained models")
    parser.add_argument("--text", required=True, type=Path, help="sentences to go between")
    parser.add_argument("--language-model", help="the run of a language model on the same text")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--corpus", type=int, default=5000, help="the sentences that are followed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a .md file; a .json of the same name beside it")
    args = parser.parse_args()

    texts = list(dict.fromkeys(text for text, _ in read_rows(args.text, Columns(), Tally())))
    judge = textvae.load(args.language_model) if args.language_model else None
    generator = torch.Generator().manual_seed(args.seed)
    order = torch.randperm(len(texts), generator=generator).tolist()
    pairs = [texts[i] for i in order[: 2 * args.pairs]]
    around = [texts[i] for i in order[2 * args.pairs :][: args.corpus]]

    results = {}
    for name in args.runs:
        vae = textvae.load(name)
        for kind in PATHS:
            scores = score(vae, judge, pairs, around, kind, args.steps)
            results[f"{Path(name).name}, {kind}"] = summary(scores)
            print(row(f"{Path(name).name}, {kind}", summary(scores)), flush=True)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(table(results, args), encoding="utf-8")
        facts = {"arguments": {k: str(v) for k, v in vars(args).items()}, "results": results}
        args.out.with_suffix(".json").write_text(json.dumps(facts, indent=2), encoding="utf-8")


def score(
    vae: TextVAE,
    judge: TextVAE | None,
    pairs: Sequence[str],
    around: Sequence[str],
    kind: str,
    steps: int,
) -> list[PathScore]:
    """The score of each pair's path, in one batch of decoding and one of judging."""
    z, own = vae.encode(pairs), vae.vae.prior.path
    corpus = vae.encode(around) if kind == "aggregate" else None
    ways = [
        path(z[i], z[i + 1], steps, kind)
        if corpus is None
        else followed(z[i], z[i + 1], corpus, steps, own)
        for i in range(0, len(z), 2)
    ]
    lines = vae.decode(torch.cat(ways))
    known: dict[str, float] = {}
    if judge is not None:
        distinct = list(dict.fromkeys(lines))
        known = dict(zip(distinct, judge.score(distinct, samples=1).tolist(), strict=True))

    def nll(some: Sequence[str]) -> torch.Tensor:
        return torch.tensor([known[line] for line in some])

    return [
        score_path(lines[start : start + steps], nll if known else None, is_spaced(around))
        for start in range(0, len(lines), steps)
    ]


def summary(scores: Sequence[PathScore]) -> dict[str, tuple[float, float] | None]:
    """The mean of each score with its standard error."""
    found = {}
    for name in SCORES:
        values = [v for s in scores if (v := getattr(s, name)) is not None]
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        found[name] = (statistics.fmean(values), error) if values else None
    return found


def row(name: str, found: dict[str, tuple[float, float] | None]) -> str:
    cells = ("-" if v is None else f"{v[0]:.3f} ± {v[1]:.3f}" for v in found.values())
    return f"| {name} | {' | '.join(cells)} |"


def table(results: dict[str, dict], args: argparse.Namespace) -> str:
    head = f"| run, path | {' | '.join(SCORES)} |\n|{'---|' * (len(SCORES) + 1)}"
    rows = "\n".join(row(name, found) for name, found in results.items())
    said = "\n".join(f"- `{name}`: {what}" for name, what in SCORES.items())
    return (
        f"{args.pairs} pairs of sentences of {args.text.name}, {args.steps} lines each, greedy; "
        f"means with standard errors.\n\n{head}\n{rows}\n\n{said}\n"
    )


if __name__ == "__main__":
    main()
