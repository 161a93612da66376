"""A way that follows the corpus, on points whose shortest way is known."""

import math

import pytest
import torch
from torch import Tensor

from textvae.errors import UsageError
from textvae.operations.following import follow


def arc(count: int) -> Tensor:
    angles = torch.linspace(0, math.pi, count).double()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_it_goes_round_where_nobody_is() -> None:
    points = arc(200)
    way = follow(points[0], points[-1], points, 9, "linear", neighbours=4)
    # On the half circle to within the sagitta of an edge; a straight line has its middle at 0.
    assert torch.allclose(way.norm(dim=1), torch.ones(9).double(), atol=1e-3)
    assert torch.equal(way[0], points[0]) and torch.equal(way[-1], points[-1])
    assert torch.allclose(way[4], torch.tensor([0.0, 1.0]).double(), atol=0.02)
    gaps = (way[1:] - way[:-1]).norm(dim=1)
    assert gaps.max() / gaps.min() < 1.01


def test_it_stays_on_a_sphere() -> None:
    points = arc(20)
    way = follow(points[0], points[-1], points, 7, "spherical", 3)
    assert torch.allclose(way.norm(dim=1), torch.ones(7).double())


def test_two_islands_have_no_bridge() -> None:
    near = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(UsageError, match="no way through 60 sentences joins the two; give more"):
        follow(near[0], near[0] + 100, torch.cat([near, near + 100]), 5, "linear", 5)
