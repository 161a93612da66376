"""Where nats of a recorded run's likelihood go: to its prior, and to its confidence.

    python -m benchmarks.nats runs/ptb_ae_free_bits runs/ptb_bn --every 6 --precision bf16-mixed

Bounds of the likelihood of every so manyth validation sentence, as the model is, and

- with a normal prior that has the mean and the covariance of what the posteriors of the training
  sentences are as a whole (fitted after training: Ghosh et al., 2020): what is lost because
  posteriors as a whole are not the prior;
- with every logit times 0.95: what is lost because the decoder is too sure of itself.

The samples are the same in each case. Recurrent decoders only, whose outputs can be scaled.
"""

import argparse
import json

import torch
import torch.nn as nn
from torch import Tensor

from textvae.api import TextVAE
from textvae.cli.corpora import own_data
from textvae.decoders.recurrent import RecurrentDecoder
from textvae.metrics.likelihood import Scorer
from textvae.priors import FittedNormal, StandardNormal
from textvae.vae import SentenceVAE
from textvae.wiring.train import fit_prior

CONFIDENCE = 0.95
COLUMNS = ("nll_iw", "nll_elbo", "kl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--every", type=int, default=1, help="the sentences to take: every Nth")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--precision", default="32", help="bf16-mixed is faster")
    arguments = parser.parse_args()
    for run in arguments.runs:
        for name, found in measure(run, arguments).items():
            numbers = {column: round(value, 3) for column, value in found.items()}
            print(json.dumps({"run": run, "case": name, **numbers}), flush=True)


def measure(run: str, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The bounds in each case, the means over sentences, in nats."""
    model, data = TextVAE.from_pretrained(run), own_data(run)
    vae = model.vae.eval()
    if vae.encoder is None or (vae.labels is not None and vae.labels.has_prior):
        raise SystemExit(f"{run}: a language model, or of a prior for each label")
    if not isinstance(vae.decoder, RecurrentDecoder):
        raise SystemExit(f"{run}: {type(vae.decoder).__name__} is not recurrent")
    if vae.posterior.prior_cls is not StandardNormal:
        raise SystemExit(f"{run}: {type(vae.posterior).__name__} is not Gaussian")
    valid = data.sentences("valid")[:: arguments.every]
    as_it_is, fitted = vae.prior, FittedNormal(vae.latent_dim)
    vae.prior = fitted
    fit_prior(vae, data)
    found = {}
    with torch.inference_mode():
        for name, prior in (("as it is", as_it_is), ("fitted prior", fitted)):
            vae.prior = prior
            found[name] = bounds(vae, valid, arguments)
            hook = vae.decoder.projection.register_forward_hook(less_sure)
            found[f"{name}, logits x {CONFIDENCE}"] = bounds(vae, valid, arguments)
            hook.remove()
    return found


def bounds(
    vae: SentenceVAE, sentences: list[list[int]], arguments: argparse.Namespace
) -> dict[str, float]:
    """The means of the bounds over sentences, in nats."""
    scorer = Scorer(vae, sentences, precision=arguments.precision)
    found = scorer.bounds(scorer.features(), samples=arguments.samples, seed=0)
    return {name: getattr(found, name).mean().item() for name in COLUMNS}


def less_sure(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """A hook that scales what the logits are linear in."""
    return CONFIDENCE * output


if __name__ == "__main__":
    main()
