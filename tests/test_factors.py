"""Disentanglement against latents whose answers are known."""

import math

import numpy as np
import pytest

from textvae.metrics.factors import (
    concentration,
    dci,
    information_gaps,
    probe_factors,
    shared_information,
)

N = 2000
RNG = np.random.default_rng(0)
FACTORS = {
    "two": [f"v{i}" for i in RNG.integers(2, size=N)],
    "four": [f"v{i}" for i in RNG.integers(4, size=N)],
}
CODES = np.stack([[int(value[1]) for value in values] for values in FACTORS.values()], axis=1)
NOISE = RNG.normal(size=(N, 3))
APART = np.hstack([CODES + 0.01 * NOISE[:, :2], NOISE[:, 2:]])
ROTATION = np.linalg.qr(RNG.normal(size=(3, 3)))[0]


def bias(values: int, bins: int = 20) -> float:
    """The bound of the bias of a mutual information by counts, as a share of the entropy."""
    return (bins - 1) * (values - 1) / (2 * N) / math.log(values)


def test_a_dimension_for_each_factor_is_perfect() -> None:
    gaps, found = information_gaps(APART, FACTORS), dci(APART, FACTORS)

    # Of the four values each fills five bins or shares the one at its edge.
    assert gaps["two"] > 0.9 and gaps["four"] > 0.9
    assert min(found.disentanglement, found.completeness) > 0.9
    assert found.informativeness > 0.99


def test_noise_tells_nothing() -> None:
    found = shared_information(NOISE, FACTORS)

    # The estimate is chi-squared over 2N: its mean is the bias, its deviation less than that.
    assert found[:, 0].max() < 5 * bias(2) and found[:, 1].max() < 5 * bias(4)
    assert max(information_gaps(NOISE, FACTORS).values()) < 0.05
    for accuracy, chance in probe_factors(NOISE, FACTORS).values():
        assert abs(accuracy - chance) < 5 * math.sqrt(0.25 / (N / 2))


def test_what_a_rotation_mixes_is_still_told_but_no_longer_apart() -> None:
    mixed = APART @ ROTATION

    assert dci(mixed, FACTORS).disentanglement < 0.6
    assert max(information_gaps(mixed, FACTORS).values()) < 0.5
    assert probe_factors(mixed, {"two": FACTORS["two"]})["two"][0] > 0.99


def test_shared_information_is_that_of_a_noisy_channel() -> None:
    flipped = RNG.random(N) < 0.1
    z = np.where(flipped, 1 - CODES[:, 0], CODES[:, 0]).astype(float)
    found = shared_information(np.stack([z, z], axis=1), {"two": FACTORS["two"]})[0, 0]

    share = flipped.mean()
    channel = 1 + share * math.log2(share) + (1 - share) * math.log2(1 - share)
    assert found == pytest.approx(channel, abs=0.01)


def test_concentration_is_one_minus_the_entropy() -> None:
    assert concentration(np.eye(3)) == pytest.approx(1)
    assert concentration(np.ones((2, 4))) == pytest.approx(0)
    # A row of two equal parts of four is half of the entropy; the other row, three times as
    # heavy, is whole.
    rows = np.array([[0.5, 0.5, 0, 0], [3, 0, 0, 0]])
    assert concentration(rows) == pytest.approx((0.5 + 3 * 1) / 4)
    assert concentration(np.zeros((2, 2))) == 0


def test_a_factor_that_never_varies_does_not_matter() -> None:
    constant = {"same": ["x"] * N}

    assert shared_information(NOISE, constant).max() == 0
    assert probe_factors(NOISE, constant) == {"same": (1.0, 1.0)}
    with pytest.raises(ValueError, match="at least 2 dimensions, got 1"):
        information_gaps(NOISE[:, :1], FACTORS)
