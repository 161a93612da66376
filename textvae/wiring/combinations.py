"""Parts that do not go together: refused where the result would mean nothing, else remarked on."""

__all__ = ["check_combination"]

from dataclasses import dataclass

import torch

from ..backbones import Holder
from ..distributions import Point, kl
from ..errors import UsageError
from ..objectives import Objective
from ..vae import SentenceVAE

TERMS = {
    "kl_per_dim": "the divergence of each dimension",
    "log_qz_x": "a density of z",
    "p": "a prior",
}
"""What objectives may need, in words."""


@dataclass(frozen=True)
class Divergence:
    """What a posterior and a prior make of the divergence, whatever the sentence.

    Arguments:
        name: The posterior's class.
        missing: The terms that do not exist.
        constant: Its value in nats, if no parameter moves it.
        floor: The nats that it cannot go below.
    """

    name: str
    missing: frozenset[str]
    constant: float | None
    floor: float


def check_combination(vae: SentenceVAE, objective: Objective) -> list[str]:
    """Says what is odd about a model with an objective, a line each.

    Arguments:
        vae: The model.
        objective: What it shall be trained by.

    Raises:
        UsageError: If the objective needs what the model does not have.
    """
    found, name = _divergence(vae), type(objective).__name__
    for term in objective.needs:
        if term in found.missing:
            lower = term == "kl_per_dim" and found.constant is None
            mend = "--objective.per sentence" if lower else "--objective elbo"
            raise UsageError(
                f"objective: {name} needs {TERMS[term]}, and {found.name} has none; take {mend}"
            )
    lines = [
        f"{name}: its weights are drawn, not pretrained, and by trainable: {part.trainable} most "
        "of them never learn"
        for name, part in (("encoder", vae.encoder), ("decoder", vae.decoder))
        if isinstance(part, Holder) and not part.pretrained and part.trainable != "all"
    ]
    if objective.moves_kl and found.constant is not None:
        return [
            *lines,
            f"objective: the KL of {found.name} is {found.constant:.1f} nats whatever is "
            f"learned, so that {name} changes nothing about it; --objective elbo is enough",
        ]
    if objective.rate is not None and 0 < objective.rate <= found.floor:
        return [
            *lines,
            f"objective: the KL of {found.name} is at least {found.floor:.1f} nats, so that "
            f"--objective.rate {objective.rate:g} of {name} never matters; take a higher one",
        ]
    return lines


def _divergence(vae: SentenceVAE) -> Divergence:
    if vae.posterior is None:
        return Divergence("a language model", frozenset({"p", "kl_per_dim"}), 0.0, 0.0)
    training, device = vae.posterior.training, next(vae.parameters()).device
    vae.posterior.eval()  # a look shall not move running statistics
    with torch.random.fork_rng([]):
        h = torch.randn(2, vae.out_features, device=device)
        q, p = vae.posterior(h), vae.prior_of(torch.zeros(2, dtype=torch.long, device=device))
        value, per_dim = kl(q, p, q.rsample((1,)))
    vae.posterior.train(training)
    missing = {"kl_per_dim"} if per_dim is None else set()
    missing |= {"log_qz_x"} if isinstance(q, Point) else set()
    constant = None if value.requires_grad else value.mean().item()
    name = type(vae.posterior).__name__
    return Divergence(name, frozenset(missing), constant, vae.posterior.kl_floor)
