"""``textvae data``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from .common import add_columns, not_empty, print_json

if TYPE_CHECKING:
    from ..data import SentenceData
    from ..data.survey import Survey

DESCRIPTION = """Shows what a text holds and how training would read it: sentences, lengths, words,
scripts, duplicates, what would be refused, the splits with their unknown words, the tokenizer, and
some sentences as they come back from their tokens.

  textvae data my.txt
  textvae data reviews.csv --text-column review --label-column stars
  textvae data 'corpus/*.jsonl.gz'
  zcat my.txt.gz | textvae data -"""

SHOWN = 5
REFUSED = 10
WIDTH = 40


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "text",
        type=not_empty,
        metavar="FILE",
        nargs="*",
        help="files, patterns, a folder with {train,valid,test}, hf:owner/name, or - for standard "
        "input; else the embedded corpus",
    )
    add_columns(parser.add_argument)
    parser.add_argument("--tokenizer", help="its class; what suits the text if none is named")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    from ..data import TextData
    from ..data.reader import Tally
    from ..data.survey import survey
    from ..wiring.parser import instantiate
    from ..wiring.request import parse

    options = ["--text", *arguments.text] if arguments.text else []
    for name in ("text_column", "label_column", "tokenizer"):
        if getattr(arguments, name) is not None:
            options += [f"--data.{name}", getattr(arguments, name)]
    data = instantiate(parse(options).config)["data"]

    tally = Tally(refusals=[])
    if isinstance(data, TextData):
        splits = data.source().rows(tally)
    else:
        splits = {"train": ((text, None) for text in data.texts("train"))}
    surveys = {split: survey(rows) for split, rows in splits.items()}
    report = {split: facts(found) for split, found in surveys.items()}
    whole = {"text": report, "refused": tally.refusals}
    if not tally.refusals:
        spaced = surveys["train"].spaced
        whole |= {"splits": read_as(data, spaced), "notes": data.notes, "examples": examples(data)}
    print_json(whole) if arguments.json else print(*table(whole), sep="\n")


def facts(found: "Survey") -> dict[str, Any]:
    """A survey as plain data."""
    import numpy as np

    from ..data.survey import histogram

    once = sum(count == 1 for count in found.kinds.values())
    lengths = found.lengths if found.sentences else np.zeros(1)
    return {
        "sentences": found.sentences,
        "unit": "words" if found.spaced else "characters",
        "units": found.units,
        "characters": found.characters,
        "vocabulary": len(found.kinds),
        "occurring_once": once,
        "length": {
            "mean": float(lengths.mean()),
            "median": float(np.median(lengths)),
            "95 %": float(np.quantile(lengths, 0.95)),
            "longest": int(lengths.max()),
        },
        "duplicates": found.duplicates,
        "scripts": found.scripts,
        "labels": dict(found.labels.most_common()),
        "histogram": [
            dict(zip(("from", "to", "count"), bar, strict=True))
            for bar in histogram(found.lengths)
        ],
    }


def read_as(data: "SentenceData", spaced: bool) -> dict[str, dict[str, Any]]:
    """What training makes of each split; words that are not in train are unknown.

    Arguments:
        data: The text.
        spaced: Whether spaces separate words; else each character is one.
    """
    split_up = str.split if spaced else list
    known = {word for text in data.texts("train") for word in split_up(text)}
    splits = {}
    for split in ("train", "valid", "test"):
        words = unknown = 0
        for text in data.texts(split):
            parts = split_up(text)
            words += len(parts)
            unknown += sum(part not in known for part in parts)
        lengths = data.corpus.lengths[split]
        splits[split] = {
            "sentences": len(lengths),
            "tokens": int(lengths.sum()) + len(lengths),  # each </s> is one
            "longest": int(lengths.max()),
            "unknown": unknown / max(words, 1),
        }
    return splits


def examples(data: "SentenceData") -> list[dict[str, Any]]:
    """Sentences with their tokens, and as they come back from these."""
    texts, tokens = data.texts("train")[:SHOWN], data.sentences("train")[:SHOWN]
    rows = zip(texts, tokens, data.tokenizer.decode(tokens), strict=True)
    return [{"sentence": x, "tokens": [int(i) for i in t], "decoded": y} for x, t, y in rows]


def table(report: dict[str, Any]) -> list[str]:
    """The report as lines to read."""
    lines = []
    for split, found in report["text"].items():
        lines += [*split_lines(split, found), ""]
    if refused := report["refused"]:
        lines.append(f"Refused: {len(refused):,} lines; mend or leave them out, then train")
        lines += [f"  {line}" for line in refused[:REFUSED]]
        return lines + [f"  and {len(refused) - REFUSED:,} more"] * (len(refused) > REFUSED)
    lines += ["Read by training as", *(f"  {note}" for note in report["notes"])]
    unknown = f"unknown {report['text']['train']['unit']}"
    lines.append(f"  {'':6}{'sentences':>12}{'tokens':>14}{'longest':>9}{unknown:>20}")
    for split, found in report["splits"].items():
        numbers = f"{found['sentences']:12,}{found['tokens']:14,}{found['longest']:9,}"
        lines.append(f"  {split:6}{numbers}{found['unknown']:20.2%}")
    shown = (f"{len(e['tokens']):4} tokens  {e['decoded']}" for e in report["examples"])
    return [*lines, "", *shown]


def split_lines(split: str, found: dict[str, Any]) -> list[str]:
    """What one split holds, and its lengths as bars."""
    unit, length = found["unit"], found["length"]
    scripts = ", ".join(f"{name} {share:.1%}" for name, share in found["scripts"].items())
    labels = ", ".join(f"{name} ({count:,})" for name, count in found["labels"].items())
    lines = [
        f"{split}: {found['sentences']:,} sentences, {found['duplicates']:,} of which repeat",
        f"  {found['units']:,} {unit}, {found['vocabulary']:,} different, "
        f"{found['occurring_once']:,} of which once; {found['characters']:,} characters",
        f"  {unit} a sentence: mean {length['mean']:.1f}, median {length['median']:g}, "
        f"95 % up to {length['95 %']:g}, longest {length['longest']}",
        f"  letters: {scripts or 'none'}",
        *([f"  labels: {labels}"] if labels else []),
    ]
    most = max((bar["count"] for bar in found["histogram"]), default=1)
    for bar in found["histogram"]:
        blocks = "#" * -(-WIDTH * bar["count"] // most)
        span = f"{bar['from']}-{bar['to']}" if bar["from"] < bar["to"] else f"{bar['from']}"
        lines.append(f"  {span:>9}{bar['count']:12,}  {blocks}")
    return lines
