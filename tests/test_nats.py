"""benchmarks/nats.py: what a fitted prior, and less confidence, would bring."""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import nats
from benchmarks.nats import CONFIDENCE, bounds, less_sure
from textvae.decoders import LSTMDecoder
from textvae.encoders import LSTMEncoder
from textvae.posteriors import GaussianPosterior
from textvae.vae import SentenceVAE

VOCAB = 12
SENTENCES = [[4, 5, 6], [7, 8], [9, 10, 11, 4, 5]]


def testless_sure_is_a_scale_of_the_logits() -> None:
    torch.manual_seed(0)
    encoder = LSTMEncoder(VOCAB, embedding_size=6, hidden_size=8)
    posterior = GaussianPosterior(encoder.out_features, 2)
    decoder = LSTMDecoder(VOCAB, 2, 6, 8, tie_embeddings=True, projection=True)
    vae = SentenceVAE(encoder, posterior, posterior.prior_cls(2), decoder).double().eval()
    how = argparse.Namespace(precision="32", samples=1)

    with torch.inference_mode():
        before = bounds(vae, SENTENCES, how)
        hook = decoder.projection.register_forward_hook(less_sure)
        scaled = bounds(vae, SENTENCES, how)
        hook.remove()
        decoder.projection.weight *= CONFIDENCE
        decoder.projection.bias *= CONFIDENCE
        by_weights = bounds(vae, SENTENCES, how)

    assert scaled == pytest.approx(by_weights, rel=1e-9)
    assert scaled["kl"] == before["kl"] and not math.isclose(
        scaled["nll_elbo"], before["nll_elbo"], rel_tol=1e-6
    )


def test_it_says_what_a_fitted_prior_would_bring(
    command: Callable, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the run that is there, and nothing of it is changed."""
    before = {path: path.stat().st_mtime_ns for path in Path("runs/tiny").rglob("*")}
    monkeypatch.setattr("sys.argv", ["nats", "tiny", "--samples", "3"])
    nats.main()
    rows = {row["case"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}

    assert len(rows) == 4
    assert rows["fitted prior"]["kl"] < rows["as it is"]["kl"]
    assert rows["fitted prior"]["nll_elbo"] < rows["as it is"]["nll_elbo"]
    assert rows["as it is, logits x 0.95"]["nll_elbo"] != rows["as it is"]["nll_elbo"]
    assert before == {path: path.stat().st_mtime_ns for path in Path("runs/tiny").rglob("*")}
