"""Sentences of a random LSTM over a mixture of four Gaussians, by the recipe of He et al. (2019).

    python data_scripts/synthetic.py --out data/synthetic

z is drawn from four unit Gaussians in two dimensions, centred at (+-2, +-2); an LSTM with
embeddings and states of 100 and 1,000 words, its input the embedding and z, its state begun from
z, writes 10 words, the first uniform. All weights are uniform in (-1, 1), those from z to the
words in (-5, 5). The label of a sentence is its component. The draws are ours, not theirs.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from canonical import Row, run
from torch import Tensor

SIZES = {"train": 16_000, "valid": 2_000, "test": 2_000}
WORDS, LENGTH, HIDDEN = 1000, 10, 100


def read(args: argparse.Namespace) -> tuple[dict[str, Iterable[Row]], list[Path]]:
    """The sentences of each split."""
    rows = draw(sum(SIZES.values()), args.seed)
    starts = {"train": 0, "valid": SIZES["train"], "test": SIZES["train"] + SIZES["valid"]}
    return {s: rows[start : start + SIZES[s]] for s, start in starts.items()}, []


@torch.no_grad()
def draw(count: int, seed: int) -> list[Row]:
    """Sentences, each with the number of its component."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, limit: float = 1.0) -> Tensor:
        return (2 * torch.rand(*shape, generator=generator) - 1) * limit

    embedding, begin = uniform(WORDS, HIDDEN), uniform(2, HIDDEN)
    cell = torch.nn.LSTMCell(HIDDEN + 2, HIDDEN)
    for parameter in cell.parameters():
        parameter.copy_(uniform(*parameter.shape))
    from_state, from_z = uniform(HIDDEN, WORDS), uniform(2, WORDS, limit=5.0)

    component = torch.randint(4, (count,), generator=generator)
    centres = torch.tensor([[-2.0, -2.0], [-2.0, 2.0], [2.0, -2.0], [2.0, 2.0]])
    z = centres[component] + torch.randn(count, 2, generator=generator)
    words = [torch.randint(WORDS, (count,), generator=generator)]
    c = z @ begin
    state = (c.tanh(), c)
    while len(words) < LENGTH:
        state = cell(torch.cat([embedding[words[-1]], z], dim=1), state)
        weights = (state[0] @ from_state + z @ from_z).softmax(dim=1)
        words.append(torch.multinomial(weights, 1, generator=generator).squeeze(1))
    lines = torch.stack(words, dim=1).tolist()
    return [
        (" ".join(map(str, line)), str(label))
        for line, label in zip(lines, component.tolist(), strict=True)
    ]


def published(args: argparse.Namespace) -> dict[str, int]:
    """The counts of the paper."""
    tokens = {f"{split}.tokens": size * (LENGTH + 1) for split, size in SIZES.items()}
    return {f"{split}.sentences": size for split, size in SIZES.items()} | tokens


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of this script."""
    parser.add_argument("--seed", type=int, default=19950927, help="of weights and draws")


def main(argv: list[str] | None = None) -> int:
    """Runs the script."""
    return run(__doc__, "synthetic", read, published, add_arguments, argv, has_source=False)


if __name__ == "__main__":
    sys.exit(main())
