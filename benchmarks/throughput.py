"""Our paths against the plain reference and against the machine, in one run.

    python -m benchmarks.throughput [--json] [--only training,iw,encode,decode] [--device cuda]

Rates are in thousand tokens a second; for importance weighting a token counts once a sample.
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn as nn

from textvae.api import TextVAE
from textvae.data.batching import BatchPlan, collate
from textvae.decoders import Decoder, GRUDecoder, LSTMDecoder
from textvae.decoding import decode
from textvae.encoders import GRUEncoder, LSTMEncoder
from textvae.metrics import score
from textvae.nn import mixed
from textvae.objectives import BetaELBO
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import Batch
from textvae.vae import SentenceVAE

from . import machine
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


def training(kind: str, embedding: int, hidden: int, device: torch.device) -> dict[str, float]:
    """Tokens a second of a training step."""
    plain = PlainVAE(NETWORKS[kind][0], VOCAB, embedding, hidden, LATENT).to(device)
    ours = our_model(kind, embedding, hidden).to(device)
    objective = BetaELBO()
    same, large = equal_batch(32).to(device), bucketed_batch(TOKEN_BUDGET).to(device)

    def our_loss(batch: Batch) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return objective(ours(batch), 0)

    def rate(step: Callable[[], None], batch: Batch) -> float:
        return int(batch.target_mask.sum()) / machine.seconds(step, device, 4.0)

    return {
        "plain": rate(step_of(plain, lambda: plain.loss(same.target), False), same),
        "ours, same batch": rate(step_of(ours, lambda: our_loss(same), True), same),
        "ours, token budget": rate(step_of(ours, lambda: our_loss(large), True), large),
        "flops_per_token": 3 * sum(flops_per_token(kind, embedding, hidden)),
    }


def importance_weighting(
    kind: str, embedding: int, hidden: int, device: torch.device
) -> dict[str, float]:
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

    def rate(call: Callable[[], object]) -> float:
        return work / machine.seconds(call, device, 4.0)

    return {
        "plain": rate(reference),
        "ours, float32": rate(lambda: score(ours, sentences, samples=SAMPLES)),
        "ours, bf16": rate(
            lambda: score(ours, sentences, samples=SAMPLES, precision="bf16-mixed")
        ),
        "flops_per_token": flops_per_token(kind, embedding, hidden)[1],
    }


class Numbers:
    """A tokenizer of sentences that are written as numbers already."""

    @staticmethod
    def encode(texts: list[str]) -> list[list[int]]:
        return [[int(word) for word in text.split()] for text in texts]


def encoding(kind: str, embedding: int, hidden: int, device: torch.device) -> dict[str, float]:
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

    return {
        "plain": tokens(few) / machine.seconds(one_at_a_time, device, 2.0),
        "ours, 10,000 at once": tokens(texts)
        / machine.seconds(lambda: ours.encode(texts), device, 2.0),
        "flops_per_token": flops_per_token(kind, embedding, hidden)[0],
    }


def decoding(kind: str, embedding: int, hidden: int, device: torch.device) -> dict[str, float]:
    """Sentences a second of decoding a thousand latents, against one at a time.

    An untrained model does not end its sentences, so that all have :data:`STEPS` tokens.
    """
    plain = PlainVAE(NETWORKS[kind][0], VOCAB, embedding, hidden, LATENT).to(device).eval()
    decoder = our_model(kind, embedding, hidden).to(device).eval().decoder
    z = torch.randn(1000, LATENT, generator=torch.Generator().manual_seed(0)).to(device)
    few, rates = z[:20].split(1), {}

    for strategy, search in (("greedy", plain.greedy), ("beam", plain.beam)):
        options = {"strategy": strategy, "max_length": STEPS}
        calls = {
            f"plain, {strategy}": lambda search=search: [search(row, STEPS) for row in few],
            f"ours, {strategy}, one at a time": lambda options=options: [
                decode(decoder, row, **options) for row in few
            ],
            f"ours, {strategy}": lambda options=options: decode(decoder, z, **options),
            f"ours, {strategy}, bf16": lambda options=options: in_bf16(decoder, z, options),
        }
        for name, call in calls.items():
            at_once = name in (f"ours, {strategy}", f"ours, {strategy}, bf16")
            sentences = len(z) if at_once else len(few)
            rates[name] = sentences / machine.seconds(call, device, 2.0)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default=",".join(PATHS), help="the paths to measure")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.manual_seed(0)

    report: dict[str, object] = {"machine": machine.describe(device)}
    for path in arguments.only.split(","):
        for kind, embedding, hidden in SIZES:
            name = f"{path} {kind} {embedding}/{hidden}/{LATENT}"
            report[name] = PATHS[path](kind, embedding, hidden, device)
            if not arguments.json:
                show(name, report[name], report["machine"])
    report["peak_memory"] = machine.peak_memory(device)
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        print(f"peak memory {report['peak_memory'] / 2**30:.2f} GiB")


def show(name: str, rates: dict[str, float], found: dict[str, object]) -> None:
    """Prints the rates of a path, as they are, over the plain one's, and over the machine's."""
    flops = rates.pop("flops_per_token", 0)
    print(name)
    for key, rate in rates.items():
        plain = rates.get("plain") or rates["plain, " + key.split(", ")[1]]
        share = rate * flops / found["rate_bfloat16"]
        print(f"  {key:<30}{rate:>12,.0f}/s  {rate / plain:>6.2f}x  {share:>6.1%} of bf16's best")


if __name__ == "__main__":
    main()
