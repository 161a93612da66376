"""What a comparison looks at in a conditional model is looked at by label."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from textvae.api import TextVAE
from textvae.compare.examine import Witness, examine, nats_of, traverse, writing
from textvae.runs import Run

from .conditional import NAMES, conditional_model

TEXTS = [f"{a} {b}" for a in "abcde" for b in "abcd"]
LABELS = [NAMES[i % 3] for i in range(len(TEXTS))]


def witness(judge: TextVAE | None, labels: list[str] | None, **factors: list[str]) -> Witness:
    return Witness(TEXTS, factors, judge, labels)


@pytest.fixture
def looked_at(tmp_path: Path) -> Callable[..., dict]:
    """What is found of a model whose latents lie as its labels say."""
    vae = conditional_model(own_prior=True)
    vae.save(tmp_path / "model")
    outcome = SimpleNamespace(task=SimpleNamespace(run=Run(tmp_path), method="told"))
    return lambda seen: (vae, examine(outcome, seen))


def test_a_conditional_model_is_looked_at_by_label(looked_at: Callable[..., dict]) -> None:
    vae, found = looked_at(witness(conditional_model(own_prior=True), LABELS))

    backs = vae.reconstruct(TEXTS[:6], label=LABELS[:6], max_length=16)
    assert [one["reconstruction"] for one in found["reconstructions"]] == backs
    assert backs != vae.reconstruct(TEXTS[:6], label="odd", max_length=16)
    way = vae.interpolate(*TEXTS[2:4], label=LABELS[2:4], max_length=16)
    assert found["paths"][1]["lines"] == way
    assert len(found["map"]["points"]) == len(TEXTS) and "fluency" in found["path_score"]
    assert looked_at(witness(vae, None))[1] == found  # kept, and not looked for twice

    seen = witness(None, LABELS, mood=[text[0] for text in TEXTS])
    (found,) = traverse(vae, vae.encode(TEXTS, LABELS), seen)
    assert (found["factor"], len(found["lines"])) == ("mood", 5)


def test_a_judge_that_is_told_labels_takes_them_as_alike_likely() -> None:
    judge, lines = conditional_model(), ["a b", "c d e"]
    each = torch.stack([-judge.score(lines, label=name) for name in NAMES])
    torch.testing.assert_close(nats_of(judge, lines), -each.exp().mean(dim=0).log())


def test_lines_of_one_word_are_scored_by_words_where_the_text_has_spaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vae, lines = conditional_model(), ["aaaa", "bbbb", "cccc"]
    monkeypatch.setattr(vae, "interpolate", lambda *_, **__: lines)
    found = writing(vae, witness(vae, LABELS))

    between = nats_of(vae, lines)[1].item()  # of a word and an end
    assert found["path_score"]["fluency"] == pytest.approx(between / 2)
