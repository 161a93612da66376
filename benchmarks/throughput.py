"""Our paths against the plain reference and against the machine, in one run.

    python -m benchmarks.throughput [--json] [--only training,iw,encode,decode] [--device cuda]

Rates are tokens a second, for search sentences a second; for importance weighting a token counts
once a sample. Beside each stand its ratio to the plain one's, and the operations of its products,
counted from the shapes, as a share of the best rate of the machine's in the same precision.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn as nn

from textvae.api import TextVAE
from textvae.data.batching import BatchPlan, collate
from textvae.decoders import Decoder, GRUDecoder, LSTMDecoder
from textvae.decoding import decode
from textvae.encoders import GRUEncoder, LSTMEncoder
from textvae.errors import UsageError
from textvae.metrics import score
from textvae.nn import mixed
from textvae.objectives import BetaELBO
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import Batch
from textvae.vae import SentenceVAE

from . import machine
from .ending import ending
from .plain import PlainVAE

VOCAB = 10_000
SIZES = [("LSTM", 256, 256), ("LSTM", 512, 1024), ("GRU", 256, 256), ("GRU", 512, 1024)]
LATENT = 32
STEPS = 21  # words of a sentence; </s> makes 22, as on Penn Treebank
TOKEN_BUDGET = 4096
SAMPLES = 500

NETWORKS = {"LSTM": (nn.LSTM, LSTMEncoder, LSTMDecoder), "GRU": (nn.GRU, GRUEncoder, GRUDecoder)}
GATES = {"LSTM": 4, "GRU": 3}


def our_model(kind: str, embedding: int, hidden: int) -> SentenceVAE:
    _, encoder, decoder = NETWORKS[kind]
    return SentenceVAE(
        encoder(VOCAB, embedding, hidden),
        GaussianPosterior(hidden, LATENT, bias=False),
        StandardNormal(LATENT),
        decoder(VOCAB, LATENT, embedding, hidden),
    )


def flops_per_token(kind: str, embedding: int, hidden: int) -> tuple[int, int]:
    """Operations of the products of the encoder and of the decoder, for one token forwards."""
    gates = GATES[kind] * hidden
    return (
        2 * gates * (embedding + hidden),
        2 * gates * (embedding + LATENT + hidden) + 2 * hidden * VOCAB,
    )


def equal_batch(sentences: int) -> Batch:
    """Random sentences of one length."""
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(4, VOCAB, (sentences, STEPS), generator=generator).tolist()
    return collate(words, range(sentences))


def bucketed_batch(tokens: int) -> Batch:
    """A batch as training makes it, of sentences whose lengths spread as on Penn Treebank."""
    generator = torch.Generator().manual_seed(0)
    lengths = (STEPS + 9.5 * torch.randn(8000, generator=generator)).round().clamp(1, 60).int()
    batches = BatchPlan(lengths.numpy(), max_tokens=tokens).batches(0)
    index = min(batches, key=lambda batch: abs(float(lengths[batch].float().mean()) - STEPS))
    words = [
        torch.randint(4, VOCAB, (int(lengths[i]),), generator=generator).tolist() for i in index
    ]
    return collate(words, index)


def step_of(
    module: nn.Module, loss: Callable[[], torch.Tensor], fused: bool
) -> Callable[[], None]:
    """One step of SGD with clipping."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, fused=fused)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()

    return step


Rates = dict[str, tuple[float, float]]
"""Of each way: units a second, and the operations of one. Those whose name ends in bf16 compute in
bf16, the others in float32."""


def training(kind: str, embedding: int, hidden: int, device: torch.device) -> Rates:
    """Tokens a second of a training step."""
    plain = PlainVAE(NETWORKS[kind][0], VOCAB, embedding, hidden, LATENT).to(device)
    ours = our_model(kind, embedding, hidden).to(device)
    objective = BetaELBO()
    same, large = equal_batch(32).to(device), bucketed_batch(TOKEN_BUDGET).to(device)

    def our_loss(batch: Batch) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return objective(ours(batch), 0)

    flops = 3 * sum(flops_per_token(kind, embedding, hidden))

    batches = {
        "plain": same,
        "ours, same batch, bf16": same,
        "ours, token budget, bf16": large,
    }
    steps = {"plain": step_of(plain, lambda: plain.loss(same.target), False)}
    for name in ("ours, same batch, bf16", "ours, token budget, bf16"):
        steps[name] = step_of(ours, lambda batch=batches[name]: our_loss(batch), True)
    times = machine.seconds(steps, device, 4.0)
    return {
        name: (int(batch.target_mask.sum()) / times[name], flops)
        for name, batch in batches.items()
    }


def importance_weighting(kind: str, embedding: int, hidden: int, device: torch.device) -> Rates:
    """Sample-tokens a second of the importance-weighted likelihood."""
    plain = PlainVAE(NETWORKS[kind][0], VOCAB, embedding, hidden, LATENT).to(device).eval()
    ours = our_model(kind, embedding, hidden).to(device).eval()
    batch = equal_batch(2)
    sentences = [row[:-1] for row in batch.target.tolist()]
    x = batch.target.to(device)
    work = SAMPLES * x.numel()

    def reference() -> None:
        for row in x:
            plain.nll_iw(row[None], SAMPLES)

    flops = flops_per_token(kind, embedding, hidden)[1]

    calls = {
        "plain": reference,
        "ours, float32": lambda: score(ours, sentences, samples=SAMPLES),
        "ours, bf16": lambda: score(ours, sentences, samples=SAMPLES, precision="bf16-mixed"),
    }
    times = machine.seconds(calls, device, 4.0)
    return {name: (work / time, flops) for name, time in times.items()}


class Numbers:
    """A tokenizer of sentences that are written as numbers already."""

    @staticmethod
    def encode(texts: list[str]) -> list[list[int]]:
        return [[int(word) for word in text.split()] for text in texts]


def encoding(kind: str, embedding: int, hidden: int, device: torch.device) -> Rates:
    """Tokens a second of encoding ten thousand sentences, against one at a time."""
    ours = TextVAE(our_model(kind, embedding, hidden).to(device), Numbers())
    lengths = torch.randint(5, 40, (10_000,), generator=torch.Generator().manual_seed(0)).tolist()
    texts = [
        " ".join(str(4 + (7 * i + j) % 9990) for j in range(n)) for i, n in enumerate(lengths)
    ]
    few = texts[:200]

    def one_at_a_time() -> None:
        for text in few:
            ours.encode([text])

    def tokens(some: list[str]) -> int:
        return sum(len(text.split()) + 1 for text in some)

    flops = flops_per_token(kind, embedding, hidden)[0]
    calls = {
        "plain": one_at_a_time,
        "ours, 10,000 at once": lambda: ours.encode(texts),
        "ours, 10,000 at once, bf16": lambda: ours.encode(texts, precision="bf16-mixed"),
    }
    times = machine.seconds(calls, device, 2.0)
    return {
        name: (tokens(few if name == "plain" else texts) / time, flops)
        for name, time in times.items()
    }


def decoding(kind: str, embedding: int, hidden: int, device: torch.device) -> Rates:
    """Sentences a second of decoding a thousand latents, against one at a time.

    An untrained model does not end its sentences, so that all have :data:`STEPS` tokens.
    """
    plain = PlainVAE(NETWORKS[kind][0], VOCAB, embedding, hidden, LATENT).to(device).eval()
    decoder = our_model(kind, embedding, hidden).to(device).eval().decoder
    z = torch.randn(1000, LATENT, generator=torch.Generator().manual_seed(0)).to(device)
    few, rates = z[:20].split(1), {}

    for strategy, search, rows in (("greedy", plain.greedy, 1), ("beam", plain.beam, 5)):
        flops = rows * STEPS * flops_per_token(kind, embedding, hidden)[1]
        options = {"strategy": strategy, "max_length": STEPS}
        calls = {
            f"plain, {strategy}": lambda search=search: [search(row, STEPS) for row in few],
            f"ours, {strategy}, one at a time": lambda options=options: [
                decode(decoder, row, **options) for row in few
            ],
            f"ours, {strategy}": lambda options=options: decode(decoder, z, **options),
            f"ours, {strategy}, bf16": lambda options=options: in_bf16(decoder, z, options),
        }
        for name, time in machine.seconds(calls, device, 2.0).items():
            at_once = name in (f"ours, {strategy}", f"ours, {strategy}, bf16")
            rates[name] = (len(z) if at_once else len(few)) / time, flops
    return rates


def in_bf16(decoder: Decoder, z: torch.Tensor, options: dict[str, Any]) -> None:
    with mixed(z.device, "bf16-mixed"):
        decode(decoder, z, **options)


PATHS = {
    "training": training,
    "iw": importance_weighting,
    "encode": encoding,
    "decode": decoding,
}


@ending("benchmarks.throughput")
def main(argv: Sequence[str]) -> None:
    """Measures what is asked for, and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PATHS), help="the paths to measure")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args(argv)
    paths = arguments.only.split(",")
    if unknown := set(paths) - PATHS.keys():
        raise UsageError(f"--only: no path {min(unknown)}; there are {', '.join(PATHS)}")
    device = torch.device(arguments.device)
    torch.manual_seed(0)

    found = machine.describe(device)
    report: dict[str, object] = {"machine": found}
    if not arguments.json:
        print(*(f"{name}: {value}" for name, value in found.items()), sep="\n")
    for path in paths:
        for kind, embedding, hidden in SIZES:
            name = f"{path} {kind} {embedding}/{hidden}/{LATENT}"
            rows = compared(PATHS[path](kind, embedding, hidden, device), found)
            report[name] = rows
            if not arguments.json:
                show(name, rows)
    report["peak_memory"] = machine.peak_memory(device)  # of everything, the plain one included
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        print(
            f"peak memory, the plain reference included: {report['peak_memory'] / 2**30:.2f} GiB"
        )


def compared(rates: Rates, found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Each rate beside the plain one's and the machine's."""
    rows = {}
    for name, (rate, flops) in rates.items():
        plain = rates["plain"] if "plain" in rates else rates["plain, " + name.split(", ")[1]]
        best = found["rate_bfloat16" if name.endswith("bf16") else "rate_float32"]
        rows[name] = {
            "per_second": rate,
            "times_plain": rate / plain[0],
            "flops": flops,
            "share_of_best": rate * flops / best,
        }
    return rows


def show(name: str, rows: dict[str, dict[str, float]]) -> None:
    """Prints the rows of a path."""
    print(name)
    for key, row in rows.items():
        print(
            f"  {key:<30}{row['per_second']:>12,.0f}/s  {row['times_plain']:>6.2f}x  "
            f"{row['flops']:>14,.0f} operations each  {row['share_of_best']:>6.1%} of the best"
        )


if __name__ == "__main__":
    sys.exit(main())
