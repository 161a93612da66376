"""Numbers that figures show: the divergence of each dimension, and the lines on a way."""

__all__ = ["kl_per_dim", "way"]

from collections.abc import Sequence

import torch
from torch import Tensor

from ..api import BATCH_TOKENS, TextVAE
from ..data.batching import collate, length_batches
from ..distributions.divergence import kl
from ..errors import UsageError
from ..interpolation import path
from ..labels import Label


@torch.no_grad()
def kl_per_dim(vae: TextVAE, texts: Sequence[str], label: Label = None) -> Tensor:
    """The divergence of each dimension in nats, the mean over sentences, with shape (D,).

    Arguments:
        vae: The model.
        texts: The sentences.
        label: Their label, or the label of each, if the model is conditional.

    Raises:
        UsageError: If the divergence is no sum over dimensions, as on a sphere.
    """
    if vae.latent_dim == 0:
        raise UsageError("a language model has no latents, so there is no divergence to draw")
    sentences = vae.tokens(texts, label)
    total = torch.zeros(vae.latent_dim, dtype=torch.double)
    for rows in length_batches([len(s) + 1 for s in sentences], max_tokens=BATCH_TOKENS):
        batch = collate([sentences[row] for row in rows], rows).to(vae.device)
        q, p = vae.vae.posterior_of(batch), vae.vae.prior_of(batch.label)
        _, each = kl(q, p, q.rsample((1,)))
        if each is None:
            raise UsageError("the divergence of this posterior is no sum over dimensions")
        total += each.double().sum(dim=0).cpu()
    return total / len(sentences)


@torch.no_grad()
def way(vae: TextVAE, start: str, end: str, steps: int = 9) -> tuple[list[str], Tensor]:
    """The different lines on the way between two sentences, and how likely each is at each step.

    Returns:
        The L lines in their order, and log p(line | z of the step), with shape (steps, L).
    """
    z_start, z_end = vae.encode([start, end])
    z = path(z_start, z_end, steps, vae.vae.prior.path)  # (steps, D)
    lines = list(dict.fromkeys(vae.decode(z)))
    batch = collate(vae.tokens(lines)[:], range(len(lines))).to(vae.device)
    latents = z[:, None].expand(-1, len(lines), -1)  # (steps, L, D)
    return lines, vae.vae.log_prob(batch, latents).cpu()
