"""Four ways to know positions, on Penn Treebank, with decoders of equal size and equal dropout.

z is in the memory of every layer, whatever the decoder; that of T5 has it in its cross-attention,
too, without which it is none.

    python -m benchmarks.positions --data DATA --out runs/positions

DATA has ptb/{train,valid,test}.txt. What is under OUT already is not done again. `more` is what
`nll_iw` has over that of the first decoder, with one standard error over the test sentences.
"""

import argparse
import itertools
import json
from pathlib import Path
from statistics import fmean, stdev

from .minilm import lines_of, train, training, write

COLUMNS = ("nll_iw", "ppl_iw", "kl", "mi_full", "au", "z_gain")
LAYERS, HEADS, WIDTH = 2, 4, 128
LENGTH = 128
DECODERS = {
    "gpt2": (
        "learned, absolute",
        {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": LENGTH},
    ),
    "xglm": (
        "sinusoidal, absolute",
        {"d_model": WIDTH, "num_layers": LAYERS, "attention_heads": HEADS, "ffn_dim": 4 * WIDTH},
    ),
    # Narrower within, since cross-attention comes on top.
    "t5": (
        "relative",
        {
            "d_model": WIDTH,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "d_kv": WIDTH // HEADS,
            "d_ff": 2 * WIDTH,
        },
    ),
    # And not Llama, which has no dropout.
    "gpt_neox": (
        "rotary",
        {
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "intermediate_size": 4 * WIDTH,
            "use_parallel_residual": False,
            "rotary_pct": 1.0,
            "hidden_dropout": 0.1,
            "attention_dropout": 0.1,
            "tie_word_embeddings": True,
            "max_position_embeddings": LENGTH,
        },
    ),
}
"""All with 1.68 million parameters beside the way from z, and dropout of 0.1."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/positions"))
    parser.add_argument("--sentences", type=int, default=42_068, help="to train on")
    parser.add_argument("--heldout", type=int, default=3_761, help="to validate and to test on")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--precision", default="32", help="of training; bf16-mixed is faster")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()

    text = lines_of(arguments.data / "ptb", arguments)
    rows = []
    for seed, (kind, (positions, config)) in itertools.product(
        range(arguments.seeds), DECODERS.items()
    ):
        folder = arguments.out / f"{kind}-{seed}"
        if not (folder / "report.json").is_file():
            decoder = {"model_type": kind, **config}
            train(folder, [*options(arguments, text, json.dumps(decoder)), "--seed", str(seed)])
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        found = {name: report[name] for name in COLUMNS}
        minutes = report["seconds"]["train"] / 60
        told = {"decoder": kind, "positions": positions, "seed": seed}
        first = arguments.out / f"{next(iter(DECODERS))}-{seed}"
        rows.append({**told, **found, "more": more(folder, first), "minutes": minutes})
        write(arguments, rows)


def more(folder: Path, other: Path) -> str:
    """The difference of two runs in `nll_iw`, on the same sentences, with its standard error."""
    a, b = (
        json.loads((run / "sentences.json").read_text(encoding="utf-8"))["nll_iw"]
        for run in (folder, other)
    )
    differences = [x - y for x, y in zip(a, b, strict=True)]
    return f"{fmean(differences):+.2f} ± {stdev(differences) / len(differences) ** 0.5:.2f}"


def options(arguments: argparse.Namespace, text: Path, decoder: str) -> list[str]:
    return [
        *("--config", "method/bn", "--text", str(text), "--data", "words"),
        *("--data.text", str(text), "--encoder", "gru"),
        *("--decoder", "TransformerDecoder", "--decoder.config", decoder),
        *("--decoder.inject", "[memory]", "--decoder.slots", "4", "--data.batch_size", "32"),
        *training(arguments),
    ]


if __name__ == "__main__":
    main()
