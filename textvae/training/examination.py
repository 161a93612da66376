"""What a look at some sentences says of the latent: is it there, and does the decoder use it?"""

__all__ = ["CLOSE", "Examination", "evenly_spread", "examine"]

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..distributions.divergence import kl
from ..estimators import active_dimensions, derangement, label_groups, mutual_information
from ..nn.distributed import gather_objects
from ..types import Batch
from ..vae import SentenceVAE

CLOSE = 1.0
"""With fewer nats of mutual information, or of divergence, z tells next to nothing."""

SHOWN = 8
"""The most dimensions that a line names."""

TOGETHER = 64
"""The sentences that are examined at once."""


@dataclass(frozen=True)
class Examination:
    """The latent of N sentences, in nats per sentence; given its label in a conditional model.

    Arguments:
        kl: The mean divergence from posterior to prior.
        mi: The mutual information of sentence and latent, at most log N.
        z_gain: What a sentence gains in log-likelihood from its own latent over another's.
        dead: The dimensions, from 0, whose posterior mean hardly varies with the sentence.
        latent_dim: The number of all.
    """

    kl: float
    mi: float
    z_gain: float
    dead: list[int]
    latent_dim: int

    @property
    def empty(self) -> bool:
        """Whether z does not even tell the sentences apart, whoever reads it."""
        return self.mi < CLOSE

    def told(self) -> str:
        """The same in words."""
        means = f"KL {self.kl:z.2f}, MI {self.mi:z.2f}, z_gain {self.z_gain:z.2f} nats"
        count = f"{len(self.dead)} of {self.latent_dim} dimensions dead"
        if 0 < len(self.dead) < self.latent_dim:
            count += f" ({', '.join(map(str, self.dead[:SHOWN]))}"
            count += ", ...)" if len(self.dead) > SHOWN else ")"
        return f"{means}, {count}"


def evenly_spread(loader: Iterable[Batch], count: int) -> list[Batch]:
    """Some sentences of a split, evenly spread over it, in batches of similar length.

    Where several processes share the split, each of them gets the same ones, which they tell each
    other here: all must call it.

    Arguments:
        loader: The batches of the split, or this process's share of them.
        count: The most sentences.
    """
    own = [batch.index for batch in loader]
    index = torch.cat(gather_objects(torch.cat([torch.empty(0, dtype=torch.long), *own])))
    size = min(count, len(index))
    chosen = index.sort().values[torch.arange(size) * len(index) // max(1, size)]
    found = []
    for batch in loader:
        rows = torch.isin(batch.index, chosen).nonzero().flatten()
        found += [batch.rows(rows)] if len(rows) else []
    found = [batch for part in gather_objects(found) for batch in part]
    if not found:
        return []
    whole = Batch.joined(found)
    by_index = whole.index.argsort()
    order = by_index[whole.target_mask[by_index].sum(dim=1).argsort(stable=True)]
    return [whole.rows(rows) for rows in order.split(TOGETHER)]


@torch.no_grad()
def examine(vae: SentenceVAE, batches: Sequence[Batch], seed: int = 0) -> Examination:
    """Examines a model in evaluation mode.

    How the sentences are batched changes only rounding: whatever is drawn for them goes by the
    order of their positions in the corpus.

    Arguments:
        vae: The model, with a latent.
        batches: At least two sentences.
        seed: The seed of what is drawn. The global generators are put back.
    """
    device = next(vae.parameters()).device
    batches = [batch.to(device) for batch in batches]
    order = torch.cat([batch.index for batch in batches]).argsort(stable=True)
    h = torch.cat([vae.features(batch) for batch in batches])[order]
    label = None if vae.labels is None else torch.cat([batch.label for batch in batches])[order]
    groups = label_groups(label, len(h))
    q, p = vae.posterior(h), vae.prior_of(label)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        z = q.sample()  # (N, D)
    other = derangement(len(z), seed, groups)
    back = order.argsort()  # from the order of the corpus to that of the batches
    gain = _log_prob(vae, batches, z[back]) - _log_prob(vae, batches, z[other][back])
    mi = torch.cat([mutual_information(vae.posterior(h[rows]), z[rows]) for rows in groups])

    active = active_dimensions(q.mean, p.variance, groups=groups)
    return Examination(
        kl=kl(q, p, z[None])[0].mean().item(),
        mi=mi.mean().item(),
        z_gain=gain.mean().item(),
        dead=(~active).nonzero().flatten().tolist(),
        latent_dim=vae.latent_dim,
    )


def _log_prob(vae: SentenceVAE, batches: Sequence[Batch], z: Tensor) -> Tensor:
    parts = z.split([len(batch) for batch in batches])
    return torch.cat(
        [vae.log_prob(batch, part[None])[0] for batch, part in zip(batches, parts, strict=True)]
    )
