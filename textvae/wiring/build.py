"""One signature is the schema: the command line, the YAML files and config.yaml follow from it."""

__all__ = ["build"]

from collections.abc import Callable, Iterable

from torch.optim import Optimizer

from ..auxiliaries import Auxiliary
from ..data import SentenceData
from ..decoders import Decoder
from ..encoders import Encoder
from ..errors import UsageError
from ..objectives import Objective
from ..posteriors import Posterior
from ..priors import Prior
from ..training import LitTextVAE, LRSchedule, Update
from ..vae import SentenceVAE


def build(
    *,
    data: SentenceData,
    encoder: Callable[[int], Encoder] | None,
    posterior: Callable[[int], Posterior] | None,
    prior: Callable[[int], Prior] | None = None,
    decoder: Callable[[int, int], Decoder],
    auxiliary: Callable[[int, int], Auxiliary] | None = None,
    objective: Objective,
    update: Update,
    optimizer: Callable[[Iterable], Optimizer],
    lr_schedule: LRSchedule,
) -> LitTextVAE:
    """Puts a training run together. Parts whose sizes follow from others come as constructors.

    Arguments:
        data: The text and its tokenizer.
        encoder: From the size of the vocabulary to an encoder; null for a language model.
        posterior: From the encoder's features to q(z | x); null for a language model.
        prior: From the size of the latent to p(z); the posterior's own where null.
        decoder: From the sizes of vocabulary and latent to p(x | z).
        auxiliary: From the sizes of vocabulary and latent to another loss on z; null for none.
        objective: What is minimised.
        update: Which parameters a batch moves, and in what order.
        optimizer: From parameters to an optimiser.
        lr_schedule: What the learning rate does over time.

    Raises:
        UsageError: If only one of encoder and posterior is null, or a prior or an auxiliary loss
            stands without them.
    """
    if encoder is None and posterior is None:
        if prior is not None:
            raise UsageError("prior: a language model has none; set it to null")
        if auxiliary is not None:
            raise UsageError("auxiliary: a language model has no z to learn from; set it to null")
        vae = SentenceVAE(None, None, None, decoder(data.vocab_size, 0))
    elif encoder is None or posterior is None:
        null, other = ("encoder", "posterior") if encoder is None else ("posterior", "encoder")
        raise UsageError(
            f"{null}: null, but {other} is not; a language model has neither, so set both to null"
        )
    else:
        e = encoder(data.encoder_vocab_size)
        q = posterior(e.out_features)
        p = (prior or q.prior_cls)(q.latent_dim)
        sizes = data.vocab_size, q.latent_dim
        vae = SentenceVAE(e, q, p, decoder(*sizes), auxiliary(*sizes) if auxiliary else None)
    data.check_lengths(vae.encoder and vae.encoder.max_tokens, vae.decoder.max_tokens)
    return LitTextVAE(vae, objective, update, optimizer, lr_schedule)
