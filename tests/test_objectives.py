"""Objectives against formulas written out."""

import pytest
import torch

from textvae.objectives import BetaELBO, Objective
from textvae.schedules import Constant, Linear
from textvae.types import Terms

from .helpers import leaves


def terms(samples: int = 3, batch: int = 4) -> Terms:
    torch.manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, dtype=torch.float64)  # noqa: E731
    return Terms(
        q=None,
        p=None,
        z=draw(samples, batch, 2),
        log_px_z=draw(samples, batch),
        log_pz=draw(samples, batch),
        log_qz_x=draw(samples, batch),
        kl=draw(batch).abs(),
        kl_per_dim=draw(batch, 2).abs(),
        num_tokens=torch.full((batch,), 5),
        auxiliary=draw(batch).abs(),
    )


@pytest.mark.parametrize("cls", leaves(Objective))
def test_contract(cls: type[Objective]) -> None:
    """At its defaults an objective is a finite number of nats per sentence."""
    loss = cls()(terms(), step=0)

    assert loss.shape == () and torch.isfinite(loss)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_beta_elbo(beta: float) -> None:
    t = terms()
    expected = sum(
        -sum(t.log_px_z[s, b].item() for s in range(3)) / 3
        + beta * t.kl[b].item()
        + t.auxiliary[b].item()
        for b in range(4)
    )

    assert BetaELBO(beta)(t, step=7).item() == pytest.approx(expected / 4)
    assert BetaELBO(Constant(beta))(t, step=7).item() == pytest.approx(expected / 4)


def test_beta_elbo_follows_its_schedule() -> None:
    annealed = BetaELBO(Linear(length=10))

    assert annealed.schedules() == {"beta": annealed.beta}
    assert annealed(terms(), 0).item() == pytest.approx(BetaELBO(0.0)(terms(), 0).item())
    assert annealed(terms(), 5).item() == pytest.approx(BetaELBO(0.5)(terms(), 0).item())
    assert annealed(terms(), 10).item() == pytest.approx(BetaELBO(1.0)(terms(), 0).item())
