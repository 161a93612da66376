"""Labels by a classifier of latents, for a model that was trained without any."""

__all__ = ["LabelClassifier", "check_seen", "fit_classifier", "guide", "sample_label"]

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..api import BATCH_TOKENS, TextVAE
from ..data.batching import collate, length_batches
from ..decoding import STRATEGIES
from ..errors import UsageError, some
from ..labels import check_counts
from .space import is_sphere, unit

CHUNK, MOST = 4096, 1_000_000
"""The latents that are drawn at once, and the most of all."""


@dataclass(frozen=True)
class LabelClassifier:
    r"""The probability of a label, against all others, given a latent.

    .. math:: p(y \mid z) = \frac{1}{1 + e^{-f(z)}}, \qquad f(z) = w \cdot z + b

    Arguments:
        label: The label y.
        weight: w, with shape (D,).
        bias: b.
    """

    label: str
    weight: Tensor
    bias: float

    def log_odds(self, z: Tensor) -> Tensor:
        """f(z) of latents with shape (..., D)."""
        return z @ self.weight.to(z) + self.bias


def check_seen(label: str, labels: Collection[str]) -> None:
    """
    Raises:
        UsageError: If a label is none of those that a corpus has.
    """
    if label not in labels:
        found = some(sorted(set(labels)))
        raise UsageError(f"no sentence has the label {label}; there are: {found}")


@torch.no_grad()
def fit_classifier(
    vae: TextVAE, texts: Sequence[str], labels: Sequence[str], label: str, seed: int = 0
) -> LabelClassifier:
    """Learns by logistic regression to tell the latents of a label from all others.

    It learns from one draw of each sentence's posterior rather than from its mode: draws spread as
    those of the prior do, to which it is applied, and modes less.

    Arguments:
        vae: The model.
        texts: Sentences.
        labels: The label of each.
        label: The one to tell from the others.
        seed: The seed of the draws.

    Raises:
        UsageError: If no sentence has that label, or all have.
    """
    # Here, because the import takes a second.
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    check_counts(len(texts), len(labels))
    found = sorted(set(labels))
    check_seen(label, found)
    if len(found) < 2:
        raise UsageError(f"all sentences have the label {label}; a classifier needs others, too")
    z = _drawn(vae, texts, seed).double().numpy()
    scaler = StandardScaler().fit(z)
    model = LogisticRegression(max_iter=1000)
    model.fit(scaler.transform(z), [own == label for own in labels])
    weight = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0] - weight @ scaler.mean_)
    return LabelClassifier(label, torch.from_numpy(weight), bias)


def sample_label(
    vae: TextVAE,
    classifier: LabelClassifier,
    n: int = 10,
    strength: float = 1.0,
    strategy: STRATEGIES = "sample",
    seed: int = 0,
    **options: Any,
) -> list[str]:
    r"""Writes new sentences of a label, from exact draws of the prior given the label.

    .. math:: p(z \mid y) \propto p(z) \, p(y \mid z)^s

    A draw of the prior is kept with probability :math:`p(y \mid z)^s`, which needs no step size
    and holds for any prior. s = 1 is Bayes' rule; more leaves out what is in doubt.

    Arguments:
        vae: The model.
        classifier: What tells the label.
        n: How many sentences.
        strength: s.
        strategy: greedy, beam or sample.
        seed: The seed of all that is drawn.
        options: Those of :meth:`textvae.TextVAE.decode`.

    Raises:
        UsageError: If next to no draw of the prior is of the label.
    """
    kept, tried = [torch.zeros(0, vae.latent_dim)], 0
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(seed)
        while (count := sum(map(len, kept))) < n:
            if tried >= MOST:
                raise UsageError(
                    f"of {tried:,} draws of the prior, {count} were kept as of the label "
                    f"{classifier.label}; lower --strength"
                )
            z = vae.draw(CHUNK)
            log_p = torch.nn.functional.logsigmoid(classifier.log_odds(z))
            kept.append(z[torch.rand(CHUNK).log() < strength * log_p])
            tried += CHUNK
        # Another seed for the words: the same one would draw them by the numbers behind z.
        seed = int(torch.randint(2**31, ()))
    return vae.decode(torch.cat(kept)[:n], strategy, seed=seed, **options)


def guide(
    vae: TextVAE,
    texts: Sequence[str],
    classifier: LabelClassifier,
    confidence: float = 0.9,
    strategy: STRATEGIES = "greedy",
    **options: Any,
) -> list[str]:
    r"""Moves sentences to a label by the shortest way on which the classifier comes to say so.

    With t = log(c / (1 - c)) for a confidence c, the nearest latent with f(z) = t is
    :math:`z + (t - f(z)) \, w / |w|^2`. On a sphere it lies on the great circle through z in the
    direction of w, or, where none on it is so certain, there is the most certain one. A sentence
    that has the label already stays.

    Arguments:
        vae: The model.
        texts: The sentences.
        classifier: What tells the label to give them.
        confidence: c, above 0 and below 1.
        strategy: greedy, beam or sample.
        options: Those of :meth:`textvae.TextVAE.decode`.

    Raises:
        UsageError: If the confidence is none.
    """
    if not 0 < confidence < 1:
        raise UsageError(f"'confidence' must be above 0 and below 1, got {confidence}")
    z = vae.encode(texts)
    goal = math.log(confidence / (1 - confidence))
    return vae.decode(moved(z, classifier, goal, is_sphere(vae)), strategy, **options)


def moved(z: Tensor, classifier: LabelClassifier, goal: float, sphere: bool) -> Tensor:
    """The nearest latents whose log-odds reach a goal, as :func:`guide` defines them.

    Arguments:
        z: The latents, with shape (N, D).
        classifier: What tells the label.
        goal: The log-odds to reach.
        sphere: Whether they live on the unit sphere.
    """
    weight, lacking = classifier.weight.to(z), goal - classifier.log_odds(z)  # (D,), (N,)
    if not sphere:
        return z + (lacking.clamp(min=0) / weight.square().sum()).unsqueeze(-1) * weight
    along = z @ weight  # on the circle, w . z(t) = along cos t + across sin t
    tangent = weight - along.unsqueeze(-1) * z
    across = tangent.norm(dim=-1)
    length = (along.square() + across.square()).sqrt()  # of w
    top = torch.atan2(across, along)  # the angle to w
    angle = top - ((goal - classifier.bias) / length).clamp(-1, 1).acos()
    angle = angle.clamp(min=0).unsqueeze(-1)  # not away from w
    return unit(angle.cos() * z + angle.sin() * tangent / across.clamp(min=1e-12).unsqueeze(-1))


def _drawn(vae: TextVAE, texts: Sequence[str], seed: int) -> Tensor:
    """A draw of each sentence's posterior, with shape (N, D), on the CPU."""
    if vae.latent_dim == 0:
        raise UsageError("a language model has no latents, so there is nothing to classify")
    sentences, z = vae.tokens(texts), torch.zeros(len(texts), vae.latent_dim)
    with torch.random.fork_rng([vae.device] if vae.device.type == "cuda" else []):
        torch.manual_seed(seed)
        for rows in length_batches([len(s) + 1 for s in sentences], max_tokens=BATCH_TOKENS):
            batch = collate([sentences[row] for row in rows], rows).to(vae.device)
            z[rows] = vae.vae.posterior_of(batch).sample().float().cpu()
    return z
