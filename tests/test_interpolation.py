"""Ways between latents: exact ends, equal steps, clear refusals."""

import math

import pytest
import torch
from torch import Tensor

from textvae.errors import UsageError
from textvae.interpolation import lerp, path, slerp


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def unit(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(*shape, dtype=dtype), dim=-1)


def angles(points: Tensor) -> Tensor:
    """The angles between consecutive points."""
    directions = points / points.norm(dim=-1, keepdim=True)
    return torch.acos((directions[1:] * directions[:-1]).sum(-1))


@pytest.mark.parametrize("kind", ["linear", "spherical"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [2, 3, 7])
def test_both_ends_are_included_exactly(kind: str, dtype: torch.dtype, steps: int) -> None:
    a, b = torch.randn(2, 5, 16, dtype=dtype)
    points = path(a, b, steps, kind)

    assert points.shape == (steps, 5, 16) and points.dtype == dtype
    assert torch.equal(points[0], a) and torch.equal(points[-1], b)
    torch.testing.assert_close(points, path(b, a, steps, kind).flip(0))


def test_lines_have_equal_steps() -> None:
    a, b = torch.randn(2, 16, dtype=torch.float64)

    torch.testing.assert_close(path(a, b, 5, "linear").diff(dim=0), ((b - a) / 4).expand(4, 16))
    torch.testing.assert_close(lerp(a, b, torch.tensor([0.25]))[0].double(), 0.75 * a + 0.25 * b)


@pytest.mark.parametrize("dim", [2, 3, 64])
def test_arcs_stay_on_the_sphere_at_equal_angles(dim: int) -> None:
    a, b = unit(2, dim)
    points = path(a, b, 9, "spherical")
    total = torch.acos(a @ b)

    torch.testing.assert_close(points.norm(dim=-1), torch.ones(9, dtype=torch.float64))
    torch.testing.assert_close(angles(points), (total / 8).expand(8))
    # On the great circle: nothing outside the plane of the ends.
    plane = torch.linalg.qr(torch.stack([a, b], dim=1)).Q
    torch.testing.assert_close(points @ plane @ plane.T, points)


def test_arcs_between_other_lengths_turn_evenly_and_grow_evenly() -> None:
    a, b = torch.randn(2, 16, dtype=torch.float64) * torch.tensor([[1.0], [3.0]])
    points = path(a, b, 5, "spherical")

    lengths = torch.stack([(1 - w) * a.norm() + w * b.norm() for w in torch.linspace(0, 1, 5)])
    torch.testing.assert_close(points.norm(dim=-1), lengths)
    torch.testing.assert_close(angles(points), angles(torch.stack([a, b])).expand(4) / 4)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, 3.14])
def test_arcs_of_extreme_angles(angle: float) -> None:
    a = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    b = torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.float64)
    (middle,) = slerp(a, b, torch.tensor([0.5], dtype=torch.float64))

    expected = torch.tensor([math.cos(angle / 2), math.sin(angle / 2), 0.0], dtype=torch.float64)
    torch.testing.assert_close(middle, expected, rtol=1e-12, atol=1e-12)


def test_single_precision_stays_on_the_sphere() -> None:
    a, b = unit(2, 1000, 32, dtype=torch.float32)
    points = path(a, b, 7, "spherical")

    assert (points.double().norm(dim=-1) - 1).abs().max() <= 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_opposite_ends_are_refused(dtype: torch.dtype) -> None:
    a = unit(32, dtype=dtype)

    for b in (-a, -3 * a, torch.nn.functional.normalize(-a + 1e-6 * unit(32, dtype=dtype), dim=0)):
        with pytest.raises(UsageError, match="opposite each other .* use the linear path"):
            path(a, b, 5, "spherical")
    assert path(a, -a, 3, "linear")[1].abs().max() < 1e-7


def test_ends_without_a_direction_and_impossible_steps_are_refused() -> None:
    a = unit(4)

    with pytest.raises(UsageError, match="length 0 has no direction .* use the linear path"):
        path(a, torch.zeros(4, dtype=torch.float64), 5, "spherical")
    with pytest.raises(UsageError, match="'steps' must be at least 2, for both ends, got 1"):
        path(a, a, 1, "linear")
    with pytest.raises(UsageError, match="'kind' must be one of linear, spherical, got 'cubic'"):
        path(a, a, 3, "cubic")
