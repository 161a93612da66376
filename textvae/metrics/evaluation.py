"""Evaluation: what a model is worth on a set of sentences, by the protocol."""

__all__ = ["evaluate", "score"]

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ..distributions import Point
from ..errors import UsageError
from ..nn.distributed import gather_objects, rank, world_size
from ..nn.precision import PRECISIONS
from ..vae import SentenceVAE
from .latent import measure_latent
from .likelihood import Progress, Scorer
from .numbers import Numbers, mean, perplexity, ratio
from .reconstruction import compare, is_spaced
from .report import Evaluation

COUNTED = "every token and </s>; <s> is neither predicted nor counted"


def evaluate(
    vae: SentenceVAE,
    sentences: Sequence[Sequence[int]],
    texts: Sequence[str],
    reconstruct: Callable[[Tensor], list[str]] | None = None,
    *,
    samples: int = 500,
    seed: int = 0,
    max_tokens: int | None = None,
    precision: PRECISIONS = "32",
    split: str = "text",
    floor: float | None = None,
    lost: int = 0,
    dropped: int = 0,
    spaced: bool | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Every number of the protocol, over all sentences, whole.

    A sentence's draws depend on the seed and its position alone, so that batches, chunks and
    processes change nothing but rounding. Where there are several processes, they share the work,
    and all must call this.

    Arguments:
        vae: The model. A language model's likelihood is exact; an auto-encoder has none.
        sentences: The tokens of N sentences, without ``<s>`` and ``</s>``, with their labels where
            the model is conditional: then every number is given the label.
        texts: The same as they were written.
        reconstruct: From latents (N, D), and in a conditional model the labels beside them, to N
            sentences, greedily; None leaves reconstruction out.
        samples: The latent samples S of each sentence.
        seed: The seed of everything random.
        max_tokens: The most tokens to score at once, those of all samples counted; None takes
            what is fast on the model's device.
        precision: 32 computes as the parameters are; bf16-mixed is faster, and so is 16-mixed, on
            a GPU.
        split: What the report calls these sentences.
        floor: The best reachable NLL in nats per sentence, where it is known.
        lost: How many words of the texts the tokens have lost.
        dropped: How many sentences were left out before.
        spaced: Whether spaces separate words in the texts; None finds out.
        progress: Told the share that is done.

    Raises:
        UsageError: If there is no sentence.
        ValueError: If an option is impossible.
    """
    _check(sentences, samples, seed)
    if len(texts) != len(sentences):
        raise ValueError(f"'texts' must be {len(sentences)} like 'sentences', got {len(texts)}.")
    spaced = is_spaced(texts) if spaced is None else spaced
    protocol = {
        "split": split,
        "sentences": len(sentences),
        "tokens": sum(len(sentence) + 1 for sentence in sentences),
        "counted": COUNTED,
        "samples": None,
        "seed": seed,
        "precision": precision,
        "spaced": spaced,
        "lost": lost,
        "dropped": dropped,
    }
    if vae.labels is not None:
        protocol["given"] = "label"
        floor = None  # it is that of sentences of which nothing is told
    numbers: Numbers = {"floor": (floor, None), "latent_dim": (vae.latent_dim, None)}
    single: dict[str, Tensor] = {}

    with _evaluating(vae):
        scorer = Scorer(vae, sentences, max_tokens, precision)
        h = None if vae.encoder is None else scorer.features()
        q = None if h is None else vae.posterior(h)
        bounds = None
        if not isinstance(q, Point):
            protocol["samples"] = None if q is None else samples
            bounds = scorer.bounds(h, samples, seed, progress)
            numbers |= _likelihood(bounds.nll_iw, bounds.nll_elbo, sentences, texts, spaced, lost)
            single |= {"nll_iw": bounds.nll_iw, "nll_elbo": bounds.nll_elbo, "kl": bounds.kl}
        if q is not None:
            of_latent, gains = measure_latent(scorer, h, bounds, seed)
            numbers, single = numbers | of_latent, single | gains
            if reconstruct is not None:
                given = vae.given(q.mode, scorer.label)
                numbers |= _reconstruction(texts, _written(reconstruct, given), spaced)

    return Evaluation(
        **{name: value for name, (value, _) in numbers.items()},
        standard_errors={name: e for name, (_, e) in numbers.items() if e is not None},
        protocol=protocol,
        of_sentences={name: values.tolist() for name, values in single.items()},
    )


def score(
    vae: SentenceVAE,
    sentences: Sequence[Sequence[int]],
    *,
    samples: int = 500,
    seed: int = 0,
    max_tokens: int | None = None,
    precision: PRECISIONS = "32",
    progress: Progress | None = None,
) -> Tensor:
    """The importance-weighted negative log-likelihood of each sentence, as evaluated.

    Returns:
        Nats, with every token and ``</s>`` counted, with shape (N,).

    Raises:
        UsageError: If there is no sentence, or the model is an auto-encoder.
    """
    _check(sentences, samples, seed)
    with _evaluating(vae):
        scorer = Scorer(vae, sentences, max_tokens, precision)
        h = None if vae.encoder is None else scorer.features()
        if h is not None and isinstance(vae.posterior(h[:1]), Point):
            raise UsageError("An auto-encoder has no likelihood: score with another posterior.")
        bounds = scorer.bounds(h, samples, seed, progress)
    return bounds.nll_iw.cpu()


def _likelihood(
    nll_iw: Tensor,
    nll_elbo: Tensor,
    sentences: Sequence[Sequence[int]],
    texts: Sequence[str],
    spaced: bool,
    lost: int,
) -> Numbers:
    # Each has an end that is predicted too.
    tokens = torch.tensor([len(sentence) + 1 for sentence in sentences])
    words = torch.tensor([len(text.split()) + 1 for text in texts])
    characters = torch.tensor([len(text) + 1 for text in texts])
    numbers: Numbers = {
        "nll_iw": mean(nll_iw),
        "nll_elbo": mean(nll_elbo),
        "ppl_iw": perplexity(nll_iw, tokens),
        "ppl_elbo": perplexity(nll_elbo, tokens),
    }
    if lost == 0:
        numbers["bits_per_character"] = ratio(nll_iw / math.log(2), characters)
        if spaced:
            numbers["ppl_word"] = perplexity(nll_iw, words)
    return numbers


def _written(reconstruct: Callable[[Tensor], list[str]], z: Tensor) -> list[str]:
    """What is reconstructed of all latents, of which each process takes its turns."""
    own = z[rank() :: world_size()]
    parts = gather_objects(reconstruct(own) if len(own) else [])
    return [parts[i % len(parts)][i // len(parts)] for i in range(len(z))]


def _reconstruction(texts: Sequence[str], written: Sequence[str], spaced: bool) -> Numbers:
    found = compare(texts, written, spaced)
    return {
        "exact_match": mean(found.exact),
        "token_accuracy": ratio(found.correct, found.places),
        "bleu": (found.bleu, None),
    }


def _check(sentences: Sequence[Sequence[int]], samples: int, seed: int) -> None:
    if len(sentences) == 0:
        raise UsageError("There is no sentence to evaluate: give at least one.")
    if samples < 1:
        raise ValueError(f"'samples' must be at least 1, got {samples}.")
    if seed < 0:
        raise ValueError(f"'seed' must be at least 0, got {seed}.")


@contextmanager
def _evaluating(vae: SentenceVAE) -> Iterator[None]:
    """No dropout, no gradients, and no less than float32 where nobody asked for less."""
    modes = {module: module.training for module in vae.modules()}
    matmul = torch.get_float32_matmul_precision()
    vae.eval()
    torch.set_float32_matmul_precision("highest")
    try:
        # Recurrent networks on a GPU round to 10 bits unless told otherwise.
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        for module, mode in modes.items():
            module.training = mode
