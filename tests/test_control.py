"""Labels by a classifier of latents: what is drawn, and how far one moves."""

import math

import pytest
import torch

from textvae import operations
from textvae.errors import UsageError
from textvae.operations.control import LabelClassifier, _drawn, fit_classifier, moved
from textvae.operations.space import unit

from .conditional import conditional_model
from .test_operations import TEXTS, model


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.double)


@pytest.mark.parametrize("sphere", [False, True])
def test_the_way_to_a_label_is_the_shortest_that_gets_there(sphere: bool) -> None:
    z = unit(drawn(200, 4)) if sphere else drawn(200, 4)
    classifier = LabelClassifier("y", torch.tensor([1.0, -2.0, 0.5, 3.0]).double(), -0.4)
    goal = 1.5
    found = moved(z, classifier, goal, sphere)
    before, after = classifier.log_odds(z), classifier.log_odds(found)
    assert torch.allclose(after, before.clamp(min=goal), atol=1e-6)
    assert torch.allclose(found[before >= goal], z[before >= goal], atol=1e-6)
    # No point of the goal is nearer, among those that random directions lead to.
    step = (found - z).norm(dim=1)
    for noise in drawn(20, 200, 4):
        other = found + 0.1 * noise * step[:, None]
        other = unit(other) if sphere else other
        nearer = classifier.log_odds(other) >= goal
        assert ((other - z).norm(dim=1)[nearer] >= step[nearer] - 1e-9).all()


def test_the_most_certain_point_of_a_sphere_is_where_one_stops() -> None:
    classifier = LabelClassifier("y", torch.tensor([2.0, 0.0, 0.0]).double(), 0.0)
    found = moved(unit(drawn(9, 3)), classifier, 5.0, sphere=True)
    assert torch.allclose(found, torch.tensor([1.0, 0.0, 0.0]).double().expand(9, 3), atol=1e-6)


@pytest.mark.parametrize("strength", [1.0, 3.0])
def test_draws_are_those_of_the_prior_given_the_label(
    strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae, kept = model(sphere=False), []
    classifier = LabelClassifier("y", torch.tensor([1.5, 0.0, 0.0, 0.0]), -1.0)
    monkeypatch.setattr(vae, "decode", lambda z, *_, **__: kept.append(z) or [""] * len(z))
    operations.sample_label(vae, classifier, 20_000, strength)
    z = kept[0][:, 0].double()
    axis = torch.linspace(-8, 8, 4001, dtype=torch.double)
    density = (-(axis**2) / 2).exp() * (1.5 * axis - 1).sigmoid() ** strength
    density /= density.sum()
    mean = (density * axis).sum()
    deviation = ((density * axis**2).sum() - mean**2).sqrt()
    assert abs(z.mean() - mean) <= 4 * deviation / math.sqrt(len(z))
    assert kept[0][:, 1:].mean().abs() <= 4 / math.sqrt(3 * len(z))


def test_a_classifier_tells_the_label_it_learned() -> None:
    vae, labels = model(sphere=False), [text[0] for text in TEXTS]
    classifier = fit_classifier(vae, TEXTS, labels, "b")
    # The derivative of the fitted likelihood along the bias is 0: calibrated on what it saw.
    seen = classifier.log_odds(_drawn(vae, TEXTS, seed=0).double())
    assert classifier.weight.shape == (4,)
    assert seen.sigmoid().sum().item() == pytest.approx(labels.count("b"), abs=0.01)
    assert operations.guide(vae, TEXTS[:2], classifier, confidence=1e-6) == vae.reconstruct(
        TEXTS[:2]
    )
    assert len(operations.sample_label(vae, classifier, 3, max_length=5)) == 3
    with pytest.raises(UsageError, match="no sentence has the label x; there are: a, b, c"):
        fit_classifier(vae, TEXTS, labels, "x")
    with pytest.raises(UsageError, match="all sentences have the label a"):
        fit_classifier(vae, TEXTS, ["a"] * len(TEXTS), "a")
    with pytest.raises(UsageError, match="'confidence' must be above 0 and below 1, got 1"):
        operations.guide(vae, TEXTS[:2], classifier, confidence=1)
    never = LabelClassifier("b", torch.zeros(4), -50.0)
    with pytest.raises(
        UsageError, match=r"of 1,.* draws .*, 0 were kept as of the label b; lower"
    ):
        operations.sample_label(vae, never, 1)


def test_a_conditional_model_swaps_the_label() -> None:
    vae = conditional_model()
    found = operations.relabel(vae, ["a b", "c"], "bad", "good")
    assert found == vae.decode(vae.encode(["a b", "c"], "bad"), label="good")
    with pytest.raises(UsageError, match="training had no label fine"):
        operations.relabel(vae, ["a b"], "bad", "fine")
