"""How long commands take from a cold start, printed in seconds.

python -m benchmarks.startup           on a fresh model of the benchmark's size (10,000 words)
python -m benchmarks.startup RUN       on a run of yours, with a sentence of its own vocabulary
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from textvae import TextVAE
from textvae.data import WordTokenizer
from textvae.decoders import LSTMDecoder
from textvae.encoders import LSTMEncoder
from textvae.posteriors import BatchNormPosterior
from textvae.priors import StandardNormal
from textvae.vae import SentenceVAE

REPEATS = 5
LIMITS = {"textvae --help": 0.3, "textvae interpolate": 3.0}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = sys.argv[1] if len(sys.argv) > 1 else fresh_model(Path(folder) / "model")
        commands = {
            "textvae --help": ["--help"],
            "textvae interpolate": ["interpolate", run, "word1 word2 word3", "word4 word5"],
        }
        print(f"{'command':<22}{'median':>8}{'fastest':>9}{'slowest':>9}{'limit':>7}   seconds")
        for name, arguments in commands.items():
            times = [seconds(arguments) for _ in range(REPEATS)]
            row = (statistics.median(times), min(times), max(times), LIMITS[name])
            print(f"{name:<22}{row[0]:>8.2f}{row[1]:>9.2f}{row[2]:>9.2f}{row[3]:>7.1f}")


def fresh_model(folder: Path) -> str:
    """Writes a model with random weights: it starts as quickly as a trained one."""
    tokenizer = WordTokenizer()
    tokenizer.fit([f"word{i}" for i in range(10_000)])
    size = tokenizer.vocab_size
    posterior = BatchNormPosterior(256, latent_dim=32)
    vae = SentenceVAE(LSTMEncoder(size), posterior, StandardNormal(32), LSTMDecoder(size, 32))
    TextVAE(vae, tokenizer).save(folder)
    return str(folder)


def seconds(arguments: list[str]) -> float:
    """The wall time of a command in a process of its own."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "textvae", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
