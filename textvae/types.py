"""The words that every part of the library shares.

Shapes are written with one letter each, here and nowhere else:

    S  latent samples      B  sentences         T  positions
    V  vocabulary          E  embedding         H  features
    D  latent dimensions   K  beams

Masks are True where a token is real. Every number is in nats unless its name says otherwise.
"""

__all__ = ["BOS", "EOS", "NUM_SPECIALS", "PAD", "UNK", "Batch", "State", "Terms"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import pad

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""Token numbers that every tokenizer of ours reserves: padding, start, end, unknown."""

NUM_SPECIALS = 4

State = dict[str, Tensor]
"""What a decoder carries from one step to the next: batch-first tensors, so that a search can
reorder them without knowing what they are."""


@dataclass(frozen=True)
class Batch:
    """Sentences as numbers.

    Arguments:
        source: What the encoder reads, with shape (B, T); each sentence ends in ``</s>``.
        source_mask: Where `source` is real, with shape (B, T).
        target: What the decoder predicts, with shape (B, T): every token and ``</s>``. Its first
            input, ``<s>``, is the decoder's own affair: it is neither stored nor counted.
        target_mask: Where `target` is real, with shape (B, T).
        index: The position of each sentence in its corpus, with shape (B,).
        label: The number of each sentence's label, with shape (B,), or None.
    """

    source: Tensor
    source_mask: Tensor
    target: Tensor
    target_mask: Tensor
    index: Tensor
    label: Tensor | None = None

    def to(self, device: torch.device | str, non_blocking: bool | None = None) -> "Batch":
        """The same batch on another device; Lightning calls it.

        Arguments:
            device: The device.
            non_blocking: Whether to go on before the copy is there; None does so where nothing
                could read it too early, which is on a GPU of CUDA.
        """
        if non_blocking is None:
            non_blocking = torch.device(device).type == "cuda"
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory; the data loader calls it."""
        return self._map(Tensor.pin_memory)

    def rows(self, rows: Tensor) -> "Batch":
        """Some of the sentences, without the padding that none of them needs.

        Arguments:
            rows: Their places in the batch, at least one.
        """
        some = self._map(lambda tensor: tensor[rows])
        source, target = (mask.any(dim=0).sum() for mask in (some.source_mask, some.target_mask))
        return replace(
            some,
            source=some.source[:, :source],
            source_mask=some.source_mask[:, :source],
            target=some.target[:, :target],
            target_mask=some.target_mask[:, :target],
        )

    @classmethod
    def joined(cls, batches: Sequence["Batch"]) -> "Batch":
        """The sentences of several batches in one.

        Arguments:
            batches: At least one.
        """

        def whole(name: str) -> Tensor | None:
            parts = [getattr(batch, name) for batch in batches]
            if parts[0] is None or parts[0].dim() == 1:
                return None if parts[0] is None else torch.cat(parts)
            width = max(part.shape[1] for part in parts)
            return torch.cat([pad(part, (0, width - part.shape[1]), value=PAD) for part in parts])

        return cls(**{field.name: whole(field.name) for field in fields(cls)})

    def _map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Batch(**{k: None if v is None else function(v) for k, v in values.items()})

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class Terms:
    """What a model says of a batch: all that objectives and metrics may see.

    Sums over the target tokens of a sentence (``</s>`` included), in nats.

    Arguments:
        q: The posterior, with batch shape (B,) and event shape (D,); None for a language model.
        p: The prior, with event shape (D,), and with batch shape (B,) where it depends on the
            label; None for a language model.
        z: The latent samples, with shape (S, B, D).
        log_px_z: The log-likelihood of each sentence under each sample, with shape (S, B).
        log_pz: The log-density of the samples under the prior, with shape (S, B).
        log_qz_x: Their log-density under the posterior, with shape (S, B).
        kl: The divergence from posterior to prior, with shape (B,): in closed form where one is
            registered, else estimated from `z`.
        kl_per_dim: The divergence of each dimension, with shape (B, D), or None.
        num_tokens: The target tokens of each sentence, with shape (B,).
        auxiliary: What components add to the loss, with shape (B,).
        own: Where several processes share a batch, what this one has said of its part.
    """

    q: Distribution | None
    p: Distribution | None
    z: Tensor
    log_px_z: Tensor
    log_pz: Tensor
    log_qz_x: Tensor
    kl: Tensor
    kl_per_dim: Tensor | None
    num_tokens: Tensor
    auxiliary: Tensor
    own: "Terms | None" = None
