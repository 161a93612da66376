"""Writes the embedded corpus as text: train.txt, valid.txt, test.txt, and what each sentence says.

    python data_scripts/grammar.py --out data/grammar

The sentences are those that `textvae train` draws with the same sizes and seed. Line by line,
train.factors.tsv and its like name the topic, mood, tense, subject and so on of each.
"""

import argparse
from pathlib import Path

from textvae.data.english import english


def main() -> None:
    """Runs the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/grammar"), help="the folder")
    parser.add_argument("--train", type=int, default=12_000, help="training sentences")
    parser.add_argument("--valid", type=int, default=1_000, help="validation sentences")
    parser.add_argument("--test", type=int, default=1_000, help="test sentences")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    for split in ("train", "valid", "test"):
        drawn = list(english().draw(getattr(args, split), seed=f"{args.seed} {split}"))
        names = list(drawn[0].factors)
        rows = [names, *([sentence.factors[name] for name in names] for sentence in drawn)]
        write(args.out / f"{split}.txt", [sentence.text for sentence in drawn])
        write(args.out / f"{split}.factors.tsv", ["\t".join(row) for row in rows])


def write(path: Path, lines: list[str]) -> None:
    """Writes lines of text."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
