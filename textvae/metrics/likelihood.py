"""What a model says of each sentence: bounds of its likelihood, and a draw of its posterior."""

__all__ = ["Bounds", "Progress", "Scorer"]

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ..data.batching import collate, length_batches
from ..data.pairs import labels_of
from ..distributions.divergence import kl
from ..estimators import importance_weighted
from ..nn.distributed import gather, rank, world_size
from ..nn.precision import PRECISIONS, at_least_float32, mixed
from ..types import Batch
from ..vae import SentenceVAE

MAX_TOKENS = {"cpu": 2**14, "cuda": 2**17}
"""The tokens to score at once: what a processor's caches hold, and what fills a GPU."""

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


class Scorer:
    """Runs a model over sentences, in batches that bound the memory.

    The processes of a run share the batches and tell each other what they found, so that all of
    them must ask the same, and each has the numbers of all sentences.

    Lower precision is for encoder and decoder alone. A posterior is drawn from by itself and
    evaluated among others, where half precision would round it differently.

    Arguments:
        vae: The model, in evaluation mode.
        sentences: The tokens of N sentences, without ``<s>`` and ``</s>``.
        max_tokens: The most tokens to score at once, those of all samples counted; None takes
            what is fast on the model's device.
        precision: 32, bf16-mixed or 16-mixed.

    Raises:
        UsageError: If the device cannot compute in that precision.
    """

    def __init__(
        self,
        vae: SentenceVAE,
        sentences: Sequence[Sequence[int]],
        max_tokens: int | None = None,
        precision: PRECISIONS = "32",
    ) -> None:
        self.vae = vae
        self.sentences = sentences
        self.lengths = [len(sentence) for sentence in sentences]
        self.device = next(vae.parameters()).device
        self.label = None
        if vae.labels is not None:
            self.label = torch.tensor(labels_of(sentences), device=self.device)
        self.max_tokens = max_tokens or MAX_TOKENS.get(self.device.type, MAX_TOKENS["cpu"])
        self.precision = precision
        mixed(self.device, precision)  # before any work, if it cannot be

    def features(self) -> Tensor:
        """The features of all sentences, with shape (N, H)."""
        positions, parts = [], []
        for batch in self._batches(samples=1):
            with mixed(self.device, self.precision):
                h = self.vae.features(batch)
            positions.append(batch.index)
            parts.append(at_least_float32(h))
        return self._in_order(positions, parts)

    def bounds(
        self, h: Tensor | None, samples: int, seed: int, progress: Progress | None = None
    ) -> Bounds:
        """Bounds the likelihood of each sentence.

        Arguments:
            h: The features, with shape (N, H); None for a language model.
            samples: The latent samples S of each sentence.
            seed: The seed of the samples, which depend on it and the sentence's position alone.
            progress: What to tell how far it is, if anything.
        """
        positions, parts = [], []
        samples = 1 if h is None else samples
        done, total = 0, sum(self.lengths[i] + 1 for i in itertools.chain(*self._own(samples)))
        for batch in self._batches(samples):
            positions.append(batch.index)
            parts.append(self._exact(batch) if h is None else self._bound(batch, h, samples, seed))
            done += int(batch.target_mask.sum())
            if progress is not None:
                progress(done / total)

        columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Bounds)}
        return Bounds(
            **{
                name: None if column[0] is None else self._in_order(positions, column)
                for name, column in columns.items()
            }
        )

    def gains(self, z: Tensor, other: Tensor) -> Tensor:
        """What each sentence gains in log-likelihood from its own latent over that of another.

        Arguments:
            z: A latent of each, with shape (N, D).
            other: The position of the other sentence, with shape (N,).

        Returns:
            log p(x | own z) - log p(x | other's z) in nats, with shape (N,).
        """
        positions, parts = [], []
        z_other = z[other.to(z.device)]
        for batch in self._batches(samples=2):
            pair = torch.stack([z[batch.index], z_other[batch.index]])  # (2, B, D)
            own, others = self._log_prob(batch, pair)
            positions.append(batch.index)
            parts.append(own - others)
        return self._in_order(positions, parts)

    def draws(self, h: Tensor, index: Tensor, samples: int, seed: int) -> Tensor:
        """Samples of the posteriors of some sentences, each from a generator of its own.

        Arguments:
            h: The features of all sentences, with shape (N, H).
            index: The positions of those to draw for, with shape (B,).
            samples: The samples S of each.
            seed: The seed of them all.

        Returns:
            The latents, with shape (S, B, D).
        """
        gpus = [torch.cuda.default_generators[h.device.index]] if h.device.type == "cuda" else []
        parts = []
        with torch.random.fork_rng(devices=[h.device] if gpus else []):
            for i in index.tolist():
                # Mixed down to 32 bits, since torch's generator on the CPU ignores the others.
                state = int(np.random.SeedSequence((seed, i)).generate_state(1)[0])
                for generator in (torch.default_generator, *gpus):
                    generator.manual_seed(state)
                parts.append(self.vae.posterior(h[i : i + 1]).sample((samples,)))
        return torch.cat(parts, dim=1)

    def _own(self, samples: int) -> list[list[int]]:
        """The sentences of this process's batches: as many of similar length as go with all their
        samples at once, or a single one if none does."""
        max_tokens = max(1, self.max_tokens // samples)
        batches = length_batches(self.lengths, max_tokens=max_tokens)
        # Where there are too few, a process repeats the first, whose numbers then come twice.
        return batches[rank() :: world_size()] or batches[:1]

    def _in_order(self, positions: list[Tensor], parts: list[Tensor]) -> Tensor:
        """The rows that all processes found, each once, in the order of the sentences."""
        rows = gather(torch.cat(parts))
        result = rows.new_empty(len(self.sentences), *rows.shape[1:])
        result[gather(torch.cat(positions))] = rows
        return result

    def _batches(self, samples: int) -> Iterator[Batch]:
        for index in self._own(samples):
            yield collate([self.sentences[i] for i in index], index).to(self.device)

    def _exact(self, batch: Batch) -> Bounds:
        """The exact likelihood under a language model, whose latent has no dimensions."""
        z = next(self.vae.parameters()).new_zeros(1, len(batch), 0)
        nll = -self._log_prob(batch, z)[0]
        return Bounds(nll, nll, torch.zeros_like(nll), None, z[0])

    def _bound(self, batch: Batch, h: Tensor, samples: int, seed: int) -> Bounds:
        q, p = self.vae.posterior(h[batch.index]), self.vae.prior_of(batch.label)
        z = self.draws(h, batch.index, samples, seed)  # (S, B, D)
        log_px_z = self._log_prob(batch, z)  # (S, B)
        log_weights = log_px_z + p.log_prob(z).double() - q.log_prob(z).double()
        divergence, per_dim = kl(q, p, z)  # (B,), (B, D)

        return Bounds(
            nll_iw=-importance_weighted(log_weights),
            nll_elbo=divergence.double() - log_px_z.mean(dim=0),
            kl=divergence.double(),
            kl_per_dim=per_dim,
            z=z[0],
        )

    def _log_prob(self, batch: Batch, z: Tensor) -> Tensor:
        """log p(x | z) in float64, with shape (S, B), from z (S, B, D) in chunks."""
        size = max(1, self.max_tokens // batch.target.numel())
        count = -(-len(z) // size)  # of parts of about one size
        with mixed(self.device, self.precision):
            parts = [self.vae.log_prob(batch, part) for part in z.tensor_split(count)]
        return torch.cat(parts).double()
