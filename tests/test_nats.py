"""benchmarks/nats.py: the prior that fits the posteriors, and logits that are less sure."""

import argparse
import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal

from benchmarks.nats import CONFIDENCE, FittedNormal, _less_sure, bounds
from textvae.decoders import LSTMDecoder
from textvae.encoders import LSTMEncoder
from textvae.posteriors import GaussianPosterior
from textvae.vae import SentenceVAE

VOCAB = 12
SENTENCES = [[4, 5, 6], [7, 8], [9, 10, 11, 4, 5]]


def test_the_fitted_prior_has_the_moments_of_the_mixture() -> None:
    """By the raw second moments of the mixture, in numpy."""
    rng = np.random.default_rng(0)
    mean, scale = rng.normal(size=(50, 3)) * [1, 2, 3] + 4, rng.uniform(0.1, 2, size=(50, 3))
    q = Independent(Normal(torch.tensor(mean), torch.tensor(scale)), 1)
    raw = np.mean(
        [np.outer(m, m) + np.diag(s**2) for m, s in zip(mean, scale, strict=True)], axis=0
    )

    p = FittedNormal(q)()
    np.testing.assert_allclose(p.mean, mean.mean(axis=0))
    np.testing.assert_allclose(
        p.covariance_matrix, raw - np.outer(mean.mean(axis=0), mean.mean(axis=0))
    )


def test_of_all_normal_priors_the_fitted_one_has_the_best_bound() -> None:
    """The mean divergence from the posteriors grows if its mean or covariance is another."""
    torch.manual_seed(0)
    q = Independent(Normal(torch.randn(200, 2).double(), torch.rand(200, 2).double() + 0.2), 1)
    z = q.sample((2_000,))
    fitted = FittedNormal(q)()

    def cost(loc: torch.Tensor, covariance: torch.Tensor) -> float:
        p = torch.distributions.MultivariateNormal(loc, covariance)
        return (q.log_prob(z) - p.log_prob(z)).mean().item()

    best = cost(fitted.mean, fitted.covariance_matrix)
    for shift, factor in ((0.1, 1.0), (-0.1, 1.0), (0.0, 0.8), (0.0, 1.2)):
        # Gaps of 0.004 nats and more; the paired error is under 0.0005.
        assert cost(fitted.mean + shift, fitted.covariance_matrix * factor) > best + 1e-3


def test_less_sure_is_a_scale_of_the_logits() -> None:
    torch.manual_seed(0)
    encoder = LSTMEncoder(VOCAB, embedding_size=6, hidden_size=8)
    posterior = GaussianPosterior(encoder.out_features, 2)
    decoder = LSTMDecoder(VOCAB, 2, 6, 8, tie_embeddings=True, projection=True)
    vae = SentenceVAE(encoder, posterior, posterior.prior_cls(2), decoder).double().eval()
    how = argparse.Namespace(precision="32", samples=1)

    with torch.inference_mode():
        before = bounds(vae, SENTENCES, how)
        hook = decoder.projection.register_forward_hook(_less_sure)
        scaled = bounds(vae, SENTENCES, how)
        hook.remove()
        decoder.projection.weight *= CONFIDENCE
        decoder.projection.bias *= CONFIDENCE
        by_weights = bounds(vae, SENTENCES, how)

    assert scaled == pytest.approx(by_weights, rel=1e-9)
    assert scaled["kl"] == before["kl"] and not math.isclose(
        scaled["nll_elbo"], before["nll_elbo"], rel_tol=1e-6
    )
