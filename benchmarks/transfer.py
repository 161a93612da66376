"""Scores the ways to give sentences another label.

    python -m benchmarks.transfer --plain runs/yelp --told runs/yelp_told \\
        --language-model runs/yelp_lm --train yelp/train.txt --text yelp/test.txt \\
        --out docs/results/yelp_short/transfer.md

The files have a label, a tab and a sentence a line, with two labels. Sentences of each label are
given the other. An independent classifier, logistic regression on the words and pairs of words of
the training sentences, says whether they have it; BLEU is to the source; the language model says
how fluent they are. The same classifier judges samples by label.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

import textvae
from textvae.api import TextVAE
from textvae.data.reader import Tally
from textvae.data.tables import Columns, read_rows
from textvae.metrics.reconstruction import compare
from textvae.operations import fit_classifier, guide, relabel, sample_label, transfer
from textvae.operations.transfer import means


@dataclass(frozen=True)
class Score:
    """What sentences are worth that should have another label.

    Arguments:
        accuracy: The share that has it, by the independent classifier.
        error: The standard error of that.
        bleu: Their BLEU to the sources, or None where they have none.
        fluency: Nats per word under the language model.
        distinct: The share that is left when each is counted once.
    """

    accuracy: float
    error: float
    bleu: float | None
    fluency: float
    distinct: float


@dataclass(frozen=True)
class Judges:
    """Who says what sentences are worth.

    Arguments:
        classifier: From sentences to labels.
        language_model: From sentences to their likelihood.
    """

    classifier: Pipeline
    language_model: TextVAE

    def score(
        self, lines: Sequence[str], wanted: Sequence[str], sources: Sequence[str] | None
    ) -> Score:
        """Judges sentences that should have the labels `wanted`."""
        right = self.classifier.predict(lines) == np.array(wanted)
        nll = self.language_model.score(list(lines), samples=1).sum().item()
        return Score(
            accuracy=float(right.mean()),
            error=float(right.std() / len(right) ** 0.5),
            bleu=None if sources is None else compare(sources, lines, spaced=True).bleu,
            fluency=nll / sum(len(line.split()) + 1 for line in lines),
            distinct=len(set(lines)) / len(lines),
        )


def read(path: Path) -> tuple[list[str], list[str]]:
    """The sentences of a file, and their labels."""
    rows = read_rows(path, Columns(text="2", label="1"), Tally())
    texts, labels = zip(*rows, strict=True)
    return list(texts), list(labels)


def transfers(plain: TextVAE, told: TextVAE, texts: list[str], labels: list[str]) -> dict:
    """The ways by name: each from sentences, their label and the other to what becomes of them."""
    centres = means(plain, texts, labels)
    classifiers = {label: fit_classifier(plain, texts, labels, label) for label in centres}

    def arithmetic(strength: float) -> Callable:
        return lambda x, a, b: transfer(plain, x, a, b, centres, strength)

    def classifier(confidence: float) -> Callable:
        return lambda x, a, b: guide(plain, x, classifiers[b], confidence)

    return {
        "the source itself": lambda x, a, b: x,
        "reconstruction": lambda x, a, b: plain.reconstruct(x),
        "reconstruction, conditional": lambda x, a, b: told.reconstruct(x, label=a),
        **{f"latent arithmetic, strength {s:g}": arithmetic(s) for s in (1, 2, 3)},
        **{f"classifier, confidence {c:g}": classifier(c) for c in (0.9, 0.99, 0.999)},
        "conditional, the label swapped": lambda x, a, b: relabel(told, x, a, b),
    }


def samples(plain: TextVAE, told: TextVAE, texts: list[str], labels: list[str]) -> dict:
    """The ways to sample by label: each from a label and a number to so many sentences."""
    classifiers = {label: fit_classifier(plain, texts, labels, label) for label in set(labels)}

    def rejection(strength: float) -> Callable:
        return lambda label, n: sample_label(plain, classifiers[label], n, strength)

    return {
        # By other draws for each, though the model does not know which is meant.
        "no label": lambda label, n: plain.sample(n, seed=sorted(classifiers).index(label)),
        **{f"classifier, strength {s:g}": rejection(s) for s in (1, 3, 10)},
        "conditional": lambda label, n: told.sample(n, label=label),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plain", required=True, help="the run of a model without labels")
    parser.add_argument("--told", required=True, help="the run of a conditional model")
    parser.add_argument("--language-model", required=True, help="the run of a language model")
    parser.add_argument("--train", type=Path, required=True, help="labelled sentences to learn of")
    parser.add_argument("--text", type=Path, required=True, help="those to give another label")
    parser.add_argument("--number", type=int, default=500, help="the sentences of each label")
    parser.add_argument("--out", type=Path, required=True, help="a .md file; .json beside it")
    args = parser.parse_args()

    plain, told, judge = (
        textvae.load(run) for run in (args.plain, args.told, args.language_model)
    )
    texts, labels = read(args.train)
    classifier = make_pipeline(
        TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(texts, labels)
    judges, (held, own) = Judges(classifier, judge), read(args.text)
    told_right = float(classifier.score(held, own))

    names = sorted(set(labels))
    chosen = {a: [x for x, y in zip(held, own, strict=True) if y == a] for a in names}
    chosen = {a: some[: args.number] for a, some in chosen.items()}
    sources = [x for a in names for x in chosen[a]]
    wanted = [b for a in names for b in names if b != a for _ in chosen[a]]
    moved, drawn, shown = {}, {}, {}
    for name, way in transfers(plain, told, texts, labels).items():
        lines = [y for a in names for b in names if b != a for y in way(chosen[a], a, b)]
        moved[name] = judges.score(lines, wanted, sources)
        shown[name] = [lines[0], lines[len(chosen[names[0]])]]
        print(row(name, moved[name]), flush=True)
    for name, way in samples(plain, told, texts, labels).items():
        lines = [line for label in names for line in way(label, args.number)]
        lines = [line or "." for line in lines]  # an empty one is of no label
        drawn[name] = judges.score(lines, [a for a in names for _ in range(args.number)], None)
        print(row(name, drawn[name]), flush=True)
    write(args.out, moved, drawn, shown, told_right, len(sources))


def row(name: str, score: Score) -> str:
    bleu = "" if score.bleu is None else f" {score.bleu:.1f} |"
    accuracy = f"{score.accuracy:.1%} ± {score.error:.1%}"
    return f"| {name} | {accuracy} |{bleu} {score.fluency:.2f} | {score.distinct:.1%} |"


def write(
    path: Path,
    moved: dict[str, Score],
    drawn: dict[str, Score],
    shown: dict[str, list[str]],
    right: float,
    count: int,
) -> None:
    """Writes the tables, the numbers beside them, and what became of the first sentences."""
    tables = [
        f"{count:,} sentences, half of each label, greedy. The independent classifier is right on "
        f"{right:.1%} of the test sentences.",
        "| way | has the other label | BLEU to the source | nats per word | distinct |\n"
        "|---|---|---|---|---|\n" + "\n".join(row(*item) for item in moved.items()),
        "| samples by label | has the label | nats per word | distinct |\n"
        "|---|---|---|---|\n" + "\n".join(row(*item) for item in drawn.items()),
        "\n".join(f"- {name}: {lines[0]} / {lines[1]}" for name, lines in shown.items()),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(tables) + "\n", encoding="utf-8")
    facts = {
        "transfer": {name: asdict(score) for name, score in moved.items()},
        "samples": {name: asdict(score) for name, score in drawn.items()},
        "classifier": right,
        "examples": shown,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
