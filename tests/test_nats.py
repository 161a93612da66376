"""benchmarks/nats.py: logits that are less sure."""

import argparse
import math

import pytest
import torch

from benchmarks.nats import CONFIDENCE, _less_sure, bounds
from textvae.decoders import LSTMDecoder
from textvae.encoders import LSTMEncoder
from textvae.posteriors import GaussianPosterior
from textvae.vae import SentenceVAE

VOCAB = 12
SENTENCES = [[4, 5, 6], [7, 8], [9, 10, 11, 4, 5]]


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
