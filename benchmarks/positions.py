"""Four ways to know positions, on Penn Treebank, with decoders of equal size.

    python -m benchmarks.positions --data DATA --out runs/positions

DATA has ptb/{train,valid,test}.txt. What is under OUT already is not done again.
"""

import argparse
import json
from pathlib import Path

from .minilm import lines_of, train, training, write

COLUMNS = ("nll_iw", "ppl_iw", "kl", "mi_full", "au", "z_gain")
LAYERS, HEADS, WIDTH = 2, 4, 128
DECODERS = {
    "gpt2": ("learned, absolute", {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS}),
    "xglm": (
        "sinusoidal, absolute",
        {"d_model": WIDTH, "num_layers": LAYERS, "attention_heads": HEADS, "ffn_dim": 4 * WIDTH},
    ),
    "t5": (
        "relative",
        {
            "d_model": WIDTH,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "d_kv": WIDTH // HEADS,
            "d_ff": 4 * WIDTH,
        },
    ),
    "llama": (
        "rotary",
        {
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "intermediate_size": 8 * WIDTH // 3,
            "tie_word_embeddings": True,
        },
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/positions"))
    parser.add_argument("--sentences", type=int, default=42_068, help="to train on")
    parser.add_argument("--heldout", type=int, default=3_000, help="to validate and to test on")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--precision", default="32", help="of training; bf16-mixed is faster")
    arguments = parser.parse_args()

    text = lines_of(arguments.data / "ptb", arguments)
    rows = []
    for kind, (positions, config) in DECODERS.items():
        folder = arguments.out / kind
        if not (folder / "report.json").is_file():
            decoder = {"model_type": kind, **config}
            train(folder, options(arguments, text, json.dumps(decoder)))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        found = {name: report[name] for name in COLUMNS}
        minutes = report["seconds"]["train"] / 60
        rows.append({"decoder": kind, "positions": positions, **found, "minutes": minutes})
        write(arguments, rows)


def options(arguments: argparse.Namespace, text: Path, decoder: str) -> list[str]:
    return [
        *("--config", "method/bn", "--text", str(text), "--data", "words"),
        *("--data.text", str(text), "--encoder", "gru"),
        *("--decoder", "TransformerDecoder", "--decoder.config", decoder),
        *("--decoder.slots", "4", "--data.batch_size", "32"),
        *training(arguments),
    ]


if __name__ == "__main__":
    main()
