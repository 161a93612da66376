"""A way that follows the corpus, on points whose shortest way is known."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import textvae
from textvae.api import TextVAE
from textvae.data import WordTokenizer
from textvae.errors import UsageError
from textvae.operations import follow, following
from textvae.operations.following import followed
from textvae.posteriors import GaussianPosterior, VonMisesFisherPosterior

from .conditional import conditional_model
from .corpora import A, B
from .tiny import text_vae

Run = Callable[..., tuple[int, str, str]]


def arc(count: int) -> Tensor:
    angles = torch.linspace(0, math.pi, count).double()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_it_goes_round_where_nobody_is() -> None:
    points = arc(200)
    way = followed(points[0], points[-1], points, 9, "linear", neighbours=4)
    # On the half circle to within the sagitta of an edge; a straight line has its middle at 0.
    assert torch.allclose(way.norm(dim=1), torch.ones(9).double(), atol=1e-3)
    assert torch.equal(way[0], points[0]) and torch.equal(way[-1], points[-1])
    assert torch.allclose(way[4], torch.tensor([0.0, 1.0]).double(), atol=0.02)
    gaps = (way[1:] - way[:-1]).norm(dim=1)
    assert gaps.max() / gaps.min() < 1.01


def test_it_stays_on_a_sphere() -> None:
    points = arc(20)
    way = followed(points[0], points[-1], points, 7, "spherical", 3)
    assert torch.allclose(way.norm(dim=1), torch.ones(7).double())


def test_two_islands_have_no_bridge() -> None:
    near = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(UsageError, match="no way through 60 sentences joins the two; give more"):
        followed(near[0], near[0] + 100, torch.cat([near, near + 100]), 5, "linear", 5)


@pytest.mark.parametrize("posterior", [GaussianPosterior, VonMisesFisherPosterior])
def test_with_nobody_between_it_is_the_way_of_the_space(
    posterior: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    tokenizer = WordTokenizer()
    tokenizer.fit(["a b c d e"])
    vae = TextVAE(text_vae(posterior, 4).float(), tokenizer)
    start, end, read = "a b", "d e c", []
    assert follow(vae, start, end, [start, end], 5) == vae.interpolate(start, end, steps=5)

    encode = vae.encode
    monkeypatch.setattr(
        vae, "encode", lambda texts, *_: [read.append(list(texts)), encode(texts)][1]
    )
    monkeypatch.setattr(following, "MOST", 3)
    follow(vae, start, end, ["a", "a", "b", "c", "d", "e"], 2)
    assert read == [["a", "c", "e"], [start, end]]  # of five different ones, evenly spaced
    with pytest.raises(UsageError, match="'steps' must be at least 2"):
        follow(vae, start, end, ["a"], 1)


def test_a_conditional_model_passes_sentences_by_their_own_labels() -> None:
    vae = conditional_model().given("good")
    way = follow(vae, "a b", "d e", ["a", "b", "c"], 3, labels=["bad", "good", "odd"])
    assert [way[0], way[-1]] == vae.reconstruct(["a b", "d e"])
    assert vae.encode(["a"], ["bad"]).ne(vae.encode(["a"])).any()
    with pytest.raises(UsageError, match="no label none"):
        follow(vae, "a b", "d e", ["a"], 3, labels=["none"])


def test_a_user_follows_the_training_text_or_another(command: Run) -> None:
    aggregate = ("interpolate", "tiny", A, B, "--path", "aggregate")
    code, out, _ = command(*aggregate, "--steps", "5")
    ends = command("reconstruct", "tiny", A, B)[1].splitlines()
    assert code == 0 and len(out.splitlines()) == 5
    assert [out.splitlines()[0], out.splitlines()[-1]] == ends

    Path("through.txt").write_text("\n".join(textvae.load("tiny").sample(40, max_length=12)))
    assert command(*aggregate, "--through", "through.txt")[0] == 0


def test_what_cannot_be_followed_is_refused(command: Run) -> None:
    code, out, err = command("interpolate", "demo", A, B, "--path", "aggregate")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is a model without its run; give its sentences with --through" in err
    code, out, err = command("interpolate", "demo", A, B, "--through", "through.txt")
    assert (code, out) == (2, "") and "--through is for --path aggregate, not auto" in err
