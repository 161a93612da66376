"""What a model says of each sentence: bounds of its likelihood, its posterior, one draw of it."""

__all__ = ["Bounds", "Progress", "draws", "features", "likelihood_bounds", "z_gains"]

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ..data.batching import collate, length_batches
from ..distributions.divergence import kl
from ..estimators import importance_weighted
from ..types import Batch
from ..vae import SentenceVAE

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of the likelihood of N sentences, in nats.

    Arguments:
        nll_iw: The importance-weighted bound, with shape (N,); exact for a language model.
        nll_elbo: The bound of the ELBO, with shape (N,); exact for a language model.
        kl: The divergence from posterior to prior, with shape (N,).
        kl_per_dim: The divergence of each dimension, with shape (N, D), or None.
        z: The first draw from each posterior, with shape (N, D).
    """

    nll_iw: Tensor
    nll_elbo: Tensor
    kl: Tensor
    kl_per_dim: Tensor | None
    z: Tensor


def batches(
    vae: SentenceVAE, sentences: Sequence[Sequence[int]], max_tokens: int
) -> Iterator[tuple[Tensor, Batch]]:
    """All sentences in batches of similar length, on the model's device, with their positions."""
    device = next(vae.parameters()).device
    lengths = [len(sentence) for sentence in sentences]
    for index in length_batches(lengths, max_tokens=max_tokens):
        batch = collate([sentences[i] for i in index], index).to(device)
        yield batch.index, batch


def features(vae: SentenceVAE, sentences: Sequence[Sequence[int]], max_tokens: int) -> Tensor:
    """The features of all sentences, with shape (N, H)."""
    h = None
    for index, batch in batches(vae, sentences, max_tokens):
        part = vae.features(batch)
        h = part.new_empty(len(sentences), part.shape[1]) if h is None else h
        h[index] = part
    return h


def likelihood_bounds(
    vae: SentenceVAE,
    sentences: Sequence[Sequence[int]],
    h: Tensor | None,
    samples: int,
    seed: int,
    max_tokens: int,
    progress: Progress | None = None,
) -> Bounds:
    """Bounds the likelihood of each sentence.

    Arguments:
        vae: The model.
        sentences: Their tokens.
        h: Their features, with shape (N, H); None for a language model.
        samples: The latent samples of each sentence.
        seed: The seed of the samples, which depend on it and the sentence's position alone.
        max_tokens: The most tokens to score at once, those of all samples counted.
        progress: What to tell how far it is, if anything.
    """
    positions, parts = [], []
    total = sum(len(sentence) + 1 for sentence in sentences)
    done = 0
    # As many sentences as go with all their samples at once, and a single one if none does.
    rows = 1 if h is None else samples
    for index, batch in batches(vae, sentences, max(1, max_tokens // rows)):
        positions.append(index)
        if h is None:
            parts.append(_exact(vae, batch))
        else:
            parts.append(_bounds(vae, batch, h, samples, seed, max_tokens))
        if progress is not None:
            done += int(batch.target_mask.sum())
            progress(done / total)

    order = torch.cat(positions).argsort()
    columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Bounds)}
    return Bounds(
        **{
            name: None if column[0] is None else torch.cat(column)[order]
            for name, column in columns.items()
        }
    )


def z_gains(
    vae: SentenceVAE,
    sentences: Sequence[Sequence[int]],
    z: Tensor,
    other: Tensor,
    max_tokens: int,
) -> Tensor:
    """What each sentence gains in log-likelihood from its own latent over that of another.

    Arguments:
        vae: The model.
        sentences: The tokens of each sentence.
        z: A latent of each, with shape (N, D).
        other: The position of the other sentence, with shape (N,).
        max_tokens: The most tokens to score at once.

    Returns:
        log p(x | own z) - log p(x | other's z) in nats, with shape (N,).
    """
    gain = z.new_empty(len(sentences), dtype=torch.double)
    for index, batch in batches(vae, sentences, max(1, max_tokens // 2)):
        pair = torch.stack([z[index], z[other.to(index.device)[index]]])  # (2, B, D)
        own, others = vae.decoder.log_prob(batch.target, batch.target_mask, pair).double()
        gain[index] = own - others
    return gain


def _exact(vae: SentenceVAE, batch: Batch) -> Bounds:
    """The exact likelihood under a language model, whose latent has no dimensions."""
    z = next(vae.parameters()).new_zeros(1, len(batch), 0)
    nll = -vae.decoder.log_prob(batch.target, batch.target_mask, z)[0].double()
    return Bounds(nll, nll, torch.zeros_like(nll), None, z[0])


def _bounds(
    vae: SentenceVAE, batch: Batch, h: Tensor, samples: int, seed: int, max_tokens: int
) -> Bounds:
    q, p = vae.posterior(h[batch.index]), vae.prior()
    z = draws(vae, h, batch.index, samples, seed)  # (S, B, D)
    log_px_z = torch.cat(
        [
            vae.decoder.log_prob(batch.target, batch.target_mask, part)
            for part in z.split(max(1, max_tokens // batch.target.numel()))
        ]
    ).double()  # (S, B)
    log_weights = log_px_z + p.log_prob(z).double() - q.log_prob(z).double()
    divergence, per_dim = kl(q, p, z)  # (B,), (B, D)

    return Bounds(
        nll_iw=-importance_weighted(log_weights),
        nll_elbo=divergence.double() - log_px_z.mean(dim=0),
        kl=divergence.double(),
        kl_per_dim=per_dim,
        z=z[0],
    )


def draws(vae: SentenceVAE, h: Tensor, index: Tensor, samples: int, seed: int) -> Tensor:
    """Samples of the posteriors of some sentences, each from a generator of its own.

    Arguments:
        vae: The model.
        h: The features of all sentences, with shape (N, H).
        index: The positions of those to draw for, with shape (B,).
        samples: The samples S of each.
        seed: The seed of them all.

    Returns:
        The latents, with shape (S, B, D).
    """
    on_gpu = h.device.type == "cuda"
    parts = []
    with torch.random.fork_rng(devices=[h.device] if on_gpu else []):
        for i in index.tolist():
            # Mixed down to 32 bits, since torch's generator on the CPU ignores the others.
            state = int(np.random.SeedSequence((seed, i)).generate_state(1)[0])
            torch.default_generator.manual_seed(state)
            if on_gpu:
                torch.cuda.manual_seed(state)
            parts.append(vae.posterior(h[i : i + 1]).sample((samples,)))
    return torch.cat(parts, dim=1)
