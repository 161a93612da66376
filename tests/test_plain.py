"""What is fast against the plain reference of the benchmarks, with the same parameters."""

import pytest
import torch
import torch.nn as nn

from benchmarks.plain import PlainVAE
from textvae.data.batching import collate
from textvae.decoders import GRUDecoder, LSTMDecoder
from textvae.decoding import decode
from textvae.encoders import GRUEncoder, LSTMEncoder
from textvae.objectives import BetaELBO
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import EOS
from textvae.vae import SentenceVAE

VOCAB, EMBEDDING, HIDDEN, LATENT = 300, 16, 24, 8
NETWORKS = {"LSTM": (nn.LSTM, LSTMEncoder, LSTMDecoder), "GRU": (nn.GRU, GRUEncoder, GRUDecoder)}

pytestmark = pytest.mark.parametrize("kind", list(NETWORKS))


def pair(kind: str) -> tuple[SentenceVAE, PlainVAE]:
    """The same model twice, without dropout, in double precision."""
    torch.manual_seed(0)
    network, encoder, decoder = NETWORKS[kind]
    ours = SentenceVAE(
        encoder(VOCAB, EMBEDDING, HIDDEN),
        GaussianPosterior(HIDDEN, LATENT, bias=False),
        StandardNormal(LATENT),
        decoder(VOCAB, LATENT, EMBEDDING, HIDDEN, input_dropout=0, output_dropout=0),
    )
    plain = PlainVAE(network, VOCAB, EMBEDDING, HIDDEN, LATENT)
    plain.dropout.p = 0
    same = {
        plain.encoder_embedding: ours.encoder.embedding,
        plain.encoder: ours.encoder.recurrent,
        plain.to_posterior: ours.posterior.project,
        plain.decoder_embedding: ours.decoder.embedding,
        plain.decoder: ours.decoder.recurrent,
        plain.to_cell: ours.decoder.to_state,
        plain.to_logits: ours.decoder.to_logits,
    }
    for copy, part in same.items():
        copy.load_state_dict(part.state_dict())
    return ours.double(), plain.double()


def test_the_loss_falls_as_it_does_plainly(kind: str) -> None:
    """Twenty steps of one seed, which see the same noise."""
    ours, plain = pair(kind)
    batch = collate(torch.randint(4, VOCAB, (16, 9)).tolist(), range(16))
    curves = []
    for module, loss in (
        (ours, lambda: BetaELBO()(ours(batch), 0)),
        (plain, lambda: plain.loss(batch.target)),
    ):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        torch.manual_seed(1)
        curve = []
        for _ in range(20):
            optimizer.zero_grad()
            value = loss()
            value.backward()
            optimizer.step()
            curve.append(value.item())
        curves.append(curve)

    assert curves[0][-1] < 0.9 * curves[0][0]
    assert curves[0] == pytest.approx(curves[1], rel=1e-9)


def test_what_samples_share_is_multiplied_once_and_changes_nothing(kind: str) -> None:
    ours, plain = pair(kind)
    x, z = torch.randint(4, VOCAB, (2, 9)), torch.randn(5, 2, LATENT, dtype=torch.double)
    with torch.no_grad():
        found = ours.decoder.log_prob(x, torch.ones_like(x, dtype=torch.bool), z)
        expected = torch.stack([plain.log_prob(x, part) for part in z])

    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
def test_search_finds_together_what_it_finds_one_at_a_time(kind: str, strategy: str) -> None:
    ours, plain = pair(kind)
    # Peaked, so that there is something to find, and with an end in sight.
    for model in (ours.decoder, plain):
        model.to_logits.weight.data.mul_(20)[EOS] += model.to_logits.weight.data[9]
    z = 3 * torch.randn(60, LATENT, dtype=torch.double)
    search = plain.greedy if strategy == "greedy" else plain.beam
    expected = [search(row, 20) for row in z.split(1)]

    assert decode(ours.decoder.eval(), z, strategy, max_length=20, forbidden=()) == expected
    lengths = [len(sentence) for sentence in expected]
    assert min(lengths) < 10 and max(lengths) == 20
