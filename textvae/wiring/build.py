"""One signature is the schema: the command line, the YAML files and config.yaml follow from it."""

__all__ = ["build"]

from collections.abc import Callable, Iterable

from torch.optim import Optimizer

from ..auxiliaries import Auxiliary
from ..backbones import Holder
from ..data import SentenceData
from ..decoders import Decoder
from ..encoders import Encoder
from ..errors import UsageError
from ..labels import Labels
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
    labels: Callable[[list[str], int], Labels] | None = None,
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
        labels: From the labels of the text and the size of the latent to what makes the model
            conditional on them; null for a model without.
        objective: What is minimised.
        update: Which parameters a batch moves, and in what order.
        optimizer: From parameters to an optimiser.
        lr_schedule: What the learning rate does over time.

    Raises:
        UsageError: If only one of encoder and posterior is null, or a prior or an auxiliary loss
            stands without them; or if the model shall be conditional and the text has no labels.
    """
    if labels is not None:
        data.check_labels()
    told = len(data.label_names) if labels else 0
    if encoder is None and posterior is None:
        if prior is not None:
            raise UsageError("prior: a language model has none; set it to null")
        if auxiliary is not None:
            raise UsageError("auxiliary: a language model has no z to learn from; set it to null")
        y = labels(data.label_names, 0) if labels else None
        vae = SentenceVAE(None, None, None, decoder(data.vocab_size, told), labels=y)
    elif encoder is None or posterior is None:
        null, other = ("encoder", "posterior") if encoder is None else ("posterior", "encoder")
        raise UsageError(
            f"{null}: null, but {other} is not; a language model has neither, so set both to null"
        )
    else:
        e = encoder(data.encoder_vocab_size)
        q = posterior(e.out_features + told)
        p = (prior or q.prior_cls)(q.latent_dim)
        d = decoder(data.vocab_size, q.latent_dim + told)
        a = auxiliary(data.vocab_size, q.latent_dim) if auxiliary else None
        y = labels(data.label_names, q.latent_dim) if labels else None
        vae = SentenceVAE(e, q, p, d, a, y)
    _check_tokenizers(vae, data)
    data.check_lengths(vae.encoder and vae.encoder.max_tokens, vae.decoder.max_tokens)
    return LitTextVAE(vae, objective, update, optimizer, lr_schedule)


def _check_tokenizers(vae: SentenceVAE, data: SentenceData) -> None:
    """Makes sure that what was pretrained reads and writes by its own tokenizer."""
    for part, tokenizer in (
        (vae.encoder, data.encoder_tokenizer or data.tokenizer),
        (vae.decoder, data.tokenizer),
    ):
        if isinstance(part, Holder):
            part.check_tokenizer(tokenizer)
