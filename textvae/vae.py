"""The model: an encoder, a posterior, a prior and a decoder, on tensors."""

__all__ = ["SentenceVAE"]

import torch
import torch.nn as nn
from torch import Tensor
from torch.distributions import Distribution

from .auxiliaries.base import Auxiliary
from .decoders.base import Decoder
from .distributions.divergence import kl
from .encoders.base import Encoder
from .errors import UsageError
from .labels import Labels
from .posteriors.base import Posterior
from .priors.base import Prior
from .types import Batch, Terms


class SentenceVAE(nn.Module):
    r"""A sentence VAE, :math:`p(x) = \int p(x \mid z) \, p(z) \, dz` with its :math:`q(z \mid x)`.

    Without encoder, posterior and prior it is a language model: z has no dimensions, and
    log p(x | z) is log p(x). With labels y it is conditional: all of this is given y.

    References:
        | Auto-Encoding Variational Bayes (Kingma & Welling, 2014)
        | https://arxiv.org/abs/1312.6114

    Arguments:
        encoder: From tokens to features, or None.
        posterior: From features to q(z | x), or None.
        prior: p(z), or None.
        decoder: p(x | z).
        auxiliary: Another loss on z, or None. Training alone sees it.
        labels: The labels of a conditional model, or None. The posterior's features and the
            decoder's latents have one more number for each label.

    Raises:
        ValueError: If only some of encoder, posterior and prior are None.
        UsageError: If posterior and prior live in different spaces, such as a sphere and R^D.
    """

    def __init__(
        self,
        encoder: Encoder | None,
        posterior: Posterior | None,
        prior: Prior | None,
        decoder: Decoder,
        auxiliary: Auxiliary | None = None,
        labels: Labels | None = None,
    ) -> None:
        super().__init__()

        if len({part is None for part in (encoder, posterior, prior)}) > 1:
            raise ValueError("'encoder', 'posterior' and 'prior' are all given, or all None.")
        if prior is not None:
            _check_space(posterior, prior(), type(prior).__name__)
        if labels is not None and labels.has_prior:
            _check_space(posterior, labels.prior(torch.tensor(0)), "a prior of each label")

        self.encoder = encoder
        self.posterior = posterior
        self.prior = prior
        self.decoder = decoder
        self.auxiliary = auxiliary
        self.labels = labels

    @property
    def latent_dim(self) -> int:
        """The number of latent dimensions; 0 for a language model."""
        return 0 if self.posterior is None else self.posterior.latent_dim

    @property
    def out_features(self) -> int:
        """The size of the features, what is told of a label counted."""
        return self.encoder.out_features + (0 if self.labels is None else len(self.labels))

    def features(self, batch: Batch) -> Tensor:
        """The features of the sentences, and of their labels beside them, with shape (B, H)."""
        h = self.encoder(batch.source, batch.source_mask)
        return h if self.labels is None else torch.cat([h, self._told(batch.label).to(h)], dim=-1)

    def posterior_of(self, batch: Batch) -> Distribution:
        """The posterior q(z | x), with batch shape (B,) and event shape (D,)."""
        return self.posterior(self.features(batch))

    def encode(self, batch: Batch) -> Tensor:
        """The mode of the posterior of each sentence, with shape (B, D)."""
        return self.posterior_of(batch).mode

    def prior_of(self, label: Tensor | None) -> Distribution:
        """p(z), or of labels with shape (B,) p(z | y), where each has its own: then with batch
        shape (B,)."""
        own = self.labels is not None and self.labels.has_prior
        return self.labels.prior(label) if own else self.prior()

    def given(self, z: Tensor, label: Tensor | None) -> Tensor:
        """What the decoder is given: latents, and the labels beside them in a conditional model.

        Arguments:
            z: The latents, with shape (..., B, D).
            label: The labels, with shape (B,).
        """
        if self.labels is None:
            return z
        told = self._told(label).to(z)  # (B, L)
        return torch.cat([z, told.expand(*z.shape[:-1], -1)], dim=-1)

    def log_prob(self, batch: Batch, z: Tensor) -> Tensor:
        """log p(x | z) with shape (S, B), or log p(x | z, y), from latents (S, B, D)."""
        z = self.given(z, batch.label)
        return self.decoder.log_prob(batch.target, batch.target_mask, z)

    def _told(self, label: Tensor | None) -> Tensor:
        if label is None:
            raise UsageError("a conditional model needs the label of each sentence")
        return self.labels(label)

    def forward(self, batch: Batch, num_samples: int = 1, stop_score: bool = False) -> Terms:
        """The terms that objectives and metrics are made of.

        Arguments:
            batch: The sentences.
            num_samples: The latent samples to draw for each.
            stop_score: Whether log q(z | x) is computed with the parameters of q detached.
        """
        num_tokens = batch.target_mask.sum(dim=1)  # (B,)
        if self.encoder is None:
            return self._language_model(batch, num_tokens)

        h = self.features(batch)
        q, p = self.posterior(h), self.prior_of(batch.label)
        drawn = q.rsample((num_samples,))  # (S, B, D)
        z = drawn.view_as(drawn)  # an objective's hook on z shall not reach the auxiliary loss
        log_px_z = self.log_prob(batch, z)
        kl_value, kl_per_dim = kl(q, p, z)
        score = self._detached(h) if stop_score else q

        return Terms(
            q=q,
            p=p,
            z=z,
            log_px_z=log_px_z,
            log_pz=p.log_prob(z),
            log_qz_x=score.log_prob(z),
            kl=kl_value,
            kl_per_dim=kl_per_dim,
            num_tokens=num_tokens,
            auxiliary=self._auxiliary(batch, drawn),
        )

    def _auxiliary(self, batch: Batch, z: Tensor) -> Tensor:
        if self.auxiliary is None:
            return z.new_zeros(len(batch))
        return self.auxiliary(batch.target, batch.target_mask, z)

    def _detached(self, h: Tensor) -> Distribution:
        """The posterior with its parameters detached. Buffers are copies, lest running statistics
        count the batch twice."""
        state = {name: value.detach() for name, value in self.posterior.named_parameters()}
        state |= {name: value.clone() for name, value in self.posterior.named_buffers()}
        return torch.func.functional_call(self.posterior, state, (h.detach(),))

    def _language_model(self, batch: Batch, num_tokens: Tensor) -> Terms:
        size = len(batch)
        z = torch.zeros(1, size, 0, device=batch.target.device)
        log_px = self.log_prob(batch, z)
        none = torch.zeros_like(log_px)

        return Terms(
            q=None,
            p=None,
            z=z,
            log_px_z=log_px,
            log_pz=none,
            log_qz_x=none,
            kl=none[0],
            kl_per_dim=None,
            num_tokens=num_tokens,
            auxiliary=none[0],
        )


def _check_space(posterior: Posterior, given: Distribution, name: str) -> None:
    """Refuses densities with respect to different measures, whose ratio means nothing."""
    own = posterior.prior_cls(posterior.latent_dim)()
    with torch.random.fork_rng([]):
        same = own.support.check(given.sample()) & given.support.check(own.sample())
    if not same.all():
        raise UsageError(
            f"{name} is no prior for {type(posterior).__name__}: they live in "
            f"different spaces; take {posterior.prior_cls.__name__}, or another posterior"
        )
