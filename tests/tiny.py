"""Small sentences and a small random VAE whose decoder listens to z."""

import torch
from torch import Tensor

from textvae.decoders import GRUDecoder
from textvae.encoders import GRUEncoder
from textvae.metrics import Evaluation, evaluate
from textvae.posteriors.base import Posterior
from textvae.vae import SentenceVAE

VOCAB = 9
SENTENCES = [[4, 5, 6], [], [7], [8, 8, 4, 5, 7, 6, 4], [5, 4], [6, 7, 8, 4, 5], [4], [5, 5, 6]]
TEXTS = [" ".join("abcde"[token - 4] for token in sentence) for sentence in SENTENCES]


def text_vae(posterior: type[Posterior], latent_dim: int, sharpness: float = 3.0) -> SentenceVAE:
    """A small random VAE in float64, whose decoder listens to z."""
    encoder = GRUEncoder(VOCAB, embedding_size=6, hidden_size=8)
    q = posterior(8, latent_dim=latent_dim)
    decoder = GRUDecoder(VOCAB, latent_dim, embedding_size=6, hidden_size=8)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter *= sharpness
    return SentenceVAE(encoder, q, q.prior_cls(latent_dim), decoder).double()


def write(z: Tensor) -> list[str]:
    return ["a b"] * len(z)


def report(vae: SentenceVAE, samples: int = 50, **options: object) -> Evaluation:
    return evaluate(vae, SENTENCES, TEXTS, write, samples=samples, **options)
