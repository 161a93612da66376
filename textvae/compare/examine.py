"""Looking at a trained model: what it writes, and where its sentences lie."""

__all__ = ["Witness", "examine", "witness_of"]

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np
import torch

from ..api import TextVAE
from ..data import GrammarData, SentenceData
from ..errors import UsageError
from ..metrics.factors import dci, information_gaps, probe_factors, shared_information
from ..metrics.paths import PathScore, score_path
from ..metrics.reconstruction import is_spaced
from ..runs import write_json
from ..wiring.parser import instantiate
from .outcomes import Outcome
from .plan import BASELINE, Plan

RECONSTRUCTIONS, PATHS, PATHS_SHOWN, STEPS, SAMPLES = 6, 12, 2, 7, 6
"""How much of each is looked at."""

MOST = 2000
"""The sentences whose latents are looked at."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Where a traversal stops, among the values that a dimension takes."""

WHOLE = ("topic", "mood", "tense", "number", "polarity", "object_number")
"""The factors of the grammar that are independent of each other, as disentanglement asks."""


@dataclass(frozen=True)
class Witness:
    """What models are shown, and who judges what they write.

    Arguments:
        texts: The sentences of the test split.
        factors: What they say, where it is known.
        judge: The language model, or None.
        labels: The labels of the sentences, where they have some.
    """

    texts: Sequence[str]
    factors: Mapping[str, Sequence[str]]
    judge: TextVAE | None
    labels: Sequence[str] | None = None

    @property
    def spaced(self) -> bool:
        """Whether spaces separate words, so that no model's lines decide it."""
        return is_spaced(self.texts)


def witness_of(plan: Plan, baseline: Sequence[Outcome]) -> Witness:
    """The test sentences, and the language model that was trained in the comparison."""
    data: SentenceData = instantiate(plan.tasks[0].config)["data"]
    data.prepare()
    texts = list(data.texts("test"))[:MOST]
    factors = data.factors("test") if isinstance(data, GrammarData) else {}
    factors = {name: values[:MOST] for name, values in factors.items()}
    judge = TextVAE.load(baseline[0].task.run.folder).to(device()) if baseline else None
    labels = data.labels("test")
    return Witness(texts, factors, judge, labels and list(labels)[:MOST])


def device() -> str:
    """A GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def examine(outcome: Outcome, witness: Witness) -> dict[str, Any]:
    """Everything that the report shows of a model beside its numbers, in plain data.

    It is kept in the folder of the run, and not looked for twice.
    """
    path = outcome.task.run.folder / "examined.json"
    judged = witness.judge is not None
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["judged"] == judged:
            return found
    vae = TextVAE.load(outcome.task.run.folder).to(device())
    found = {"judged": judged, "samples": vae.sample(SAMPLES, max_length=longest(vae, witness))}
    if vae.latent_dim > 0 and outcome.task.method != BASELINE:
        z = vae.encode(witness.texts, vae.wanted(witness.labels)).cpu()
        found |= writing(vae, witness) | {"map": plane(z.numpy())}
        if witness.factors:
            found["factors"] = disentangled(z.numpy(), witness)
            found["traversals"] = traverse(vae, z, witness)
    write_json(path, found)
    return found


def longest(vae: TextVAE, witness: Witness) -> int:
    """The tokens after which a model that does not end a line is cut short."""
    return min(256, 8 + 2 * max(map(len, vae.tokenizer.encode(list(witness.texts)))))


def writing(vae: TextVAE, witness: Witness) -> dict[str, Any]:
    """Reconstructions, and ways from one sentence to another with their scores."""
    shown, labels = list(witness.texts[:RECONSTRUCTIONS]), vae.wanted(witness.labels)
    pairs = list(zip(witness.texts[0::2], witness.texts[1::2], strict=False))[:PATHS]
    limit = longest(vae, witness)
    found = [
        interpolate(vae, start, end, limit, labels and labels[2 * i : 2 * i + 2])
        for i, (start, end) in enumerate(pairs)
    ]
    ends = [pair for pair, lines in zip(pairs, found, strict=True) if lines]
    ways = [lines for lines in found if lines]
    judge, spaced = witness.judge and partial(nats_of, witness.judge), witness.spaced
    scores = [score_path(lines, judge, spaced) for lines in ways]
    backs = vae.reconstruct(shown, label=labels and labels[: len(shown)], max_length=limit)
    return {
        "reconstructions": [
            {"sentence": text, "reconstruction": back}
            for text, back in zip(shown, backs, strict=True)
        ],
        "paths": [
            {"start": start, "end": end, "lines": lines, "score": asdict(score)}
            for (start, end), lines, score in zip(ends, ways, scores, strict=True)
        ][:PATHS_SHOWN],
        "path_score": average(scores),
    }


def interpolate(
    vae: TextVAE, start: str, end: str, limit: int, labels: Sequence[str] | None = None
) -> list[str]:
    """A way between two sentences; empty where there is none, as between opposite directions."""
    try:
        return vae.interpolate(start, end, steps=STEPS, label=labels, max_length=limit)
    except UsageError:
        return []


def nats_of(judge: TextVAE, lines: Sequence[str]) -> torch.Tensor:
    """The nats of each line under a language model, whose labels, if any, are alike likely."""
    if not judge.labels:
        return judge.score(lines)
    log_p = torch.stack([-judge.score(lines, label=label) for label in judge.labels])
    return math.log(len(log_p)) - log_p.logsumexp(dim=0)


def average(scores: Sequence[PathScore]) -> dict[str, float]:
    """The mean of each score that is known."""
    columns: dict[str, list[float]] = {}
    for score in scores:
        for name, value in asdict(score).items():
            if value is not None:
                columns.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in columns.items()}


def plane(z: np.ndarray) -> dict[str, Any]:
    """The latents on the two axes along which they vary most, or nothing where they do not."""
    from sklearn.decomposition import PCA

    if min(z.shape) < 2 or np.ptp(z, axis=0).max() == 0:
        return {}
    pca = PCA(2).fit(z)
    points = np.round(pca.transform(z), 3).tolist()
    return {"points": points, "explained": pca.explained_variance_ratio_.tolist()}


def disentangled(z: np.ndarray, witness: Witness) -> dict[str, Any]:
    """How the latents hold the factors."""
    whole = {name: witness.factors[name] for name in WHOLE if name in witness.factors}
    gaps = information_gaps(z, whole) if z.shape[1] > 1 else {}
    return {
        "mig": fmean(gaps.values()) if gaps else None,
        "mig_per_factor": gaps,
        "dci": asdict(dci(z, whole)),
        "probes": {
            name: {"accuracy": accuracy, "chance": chance}
            for name, (accuracy, chance) in probe_factors(z, witness.factors).items()
        },
    }


def traverse(vae: TextVAE, z: torch.Tensor, witness: Witness) -> list[dict[str, Any]]:
    """For each factor, what the dimension that tells most of it writes along its range."""
    whole = {name: witness.factors[name] for name in WHOLE if name in witness.factors}
    shares = shared_information(z.numpy(), whole)  # (D, F)
    levels = torch.tensor(QUANTILES, dtype=z.dtype)
    label = witness.labels[0] if vae.labels else None
    found = []
    for j, factor in enumerate(whole):
        dimension = int(shares[:, j].argmax())
        moved = z[:1].repeat(len(QUANTILES), 1)
        moved[:, dimension] = z[:, dimension].quantile(levels)
        if vae.vae.prior.path == "spherical":
            moved = torch.nn.functional.normalize(moved, dim=-1)
        found.append(
            {
                "factor": factor,
                "dimension": dimension,
                "share": float(shares[dimension, j]),
                "lines": vae.decode(moved, label=label, max_length=longest(vae, witness)),
            }
        )
    return found
