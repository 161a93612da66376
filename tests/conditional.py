"""A small random conditional VAE, whose decoder listens to z and to the label."""

import torch

from textvae.api import TextVAE
from textvae.data import WordTokenizer
from textvae.data.pairs import Pairs
from textvae.decoders import ConvolutionalDecoder, Decoder, GRUDecoder
from textvae.encoders import Encoder, GRUEncoder
from textvae.labels import Labels
from textvae.posteriors import GaussianPosterior
from textvae.posteriors.base import Posterior
from textvae.vae import SentenceVAE

from .tiny import SENTENCES, VOCAB

NAMES = ["bad", "good", "odd"]
LABELS = [0, 1, 2, 1, 0, 0, 1, 2]
LABELLED = Pairs(SENTENCES, labels=LABELS)


def conditional_vae(
    latent_dim: int = 2,
    own_prior: bool = False,
    posterior: type[Posterior] = GaussianPosterior,
    encoder: type[Encoder] = GRUEncoder,
    decoder: type[Decoder] = GRUDecoder,
    sharpness: float = 3.0,
) -> SentenceVAE:
    """In float64, with random priors where each label has its own."""
    torch.manual_seed(0)
    told = len(NAMES)
    width = {} if decoder is ConvolutionalDecoder else {"hidden_size": 8}
    e = encoder(VOCAB, embedding_size=6, hidden_size=8)
    q = posterior(8 + told, latent_dim=latent_dim)
    d = decoder(VOCAB, latent_dim + told, embedding_size=6, **width)
    labels = Labels(NAMES, latent_dim, own_prior)
    with torch.no_grad():
        for parameter in d.parameters():
            parameter *= sharpness
        if own_prior:
            labels.loc.normal_()
            labels.log_scale.normal_(std=0.3)
    return SentenceVAE(e, q, q.prior_cls(latent_dim), d, labels=labels).double()


def conditional_model(own_prior: bool = False) -> TextVAE:
    """The same on strings of the words a to e."""
    tokenizer = WordTokenizer()
    tokenizer.fit(["a b c d e"])
    return TextVAE(conditional_vae(4, own_prior).float(), tokenizer)
