"""Trains the small model that ships in the package, on the embedded corpus.

    python data_scripts/demo_model.py

It takes some minutes on a CPU. The model goes to textvae/models/demo, and its report beside it, so
that `textvae interpolate demo` works right after an installation.
"""

import argparse
import shutil
import sys
from pathlib import Path

from textvae.cli import main as textvae

DEMO = Path(__file__).parents[1] / "textvae" / "models" / "demo"

OPTIONS = """
--config grammar --data.train_size 20000
--encoder.embedding_size 96 --encoder.hidden_size 160
--decoder.embedding_size 96 --decoder.hidden_size 160
--posterior.gamma 1 --trainer.max_epochs 10 --samples 100
""".split()


def main() -> int:
    """Runs the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo-model"), help="the folder")
    parser.add_argument("--out", type=Path, default=DEMO, help="where the model goes")
    args, more = parser.parse_known_args()

    code = textvae(["train", "--name", str(args.run), *OPTIONS, *more])
    if code == 0:
        shutil.rmtree(args.out, ignore_errors=True)
        shutil.copytree(args.run / "model", args.out)
        shutil.copy(args.run / "report.json", args.out)
    return code


if __name__ == "__main__":
    sys.exit(main())
