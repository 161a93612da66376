"""Posteriors on the sphere: learned concentrations, their floor, and what is measured of them."""

import math
from functools import partial

import pytest
import torch
from torch.distributions import kl_divergence

from textvae.distributions import PowerSpherical, VonMisesFisher
from textvae.estimators import active_units, mutual_information
from textvae.metrics import score
from textvae.posteriors import Posterior, PowerSphericalPosterior, VonMisesFisherPosterior
from textvae.priors import UniformSphere

from .test_likelihood import grid_of, quadrature
from .tiny import SENTENCES, text_vae

POSTERIORS = [VonMisesFisherPosterior, PowerSphericalPosterior]
LEARNED = ["global", "sentence"]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("P", POSTERIORS)
@pytest.mark.parametrize("scope", LEARNED)
def test_a_learned_concentration_has_a_floor(P: type[Posterior], scope: str) -> None:
    posterior = P(16, latent_dim=6, concentration=30.0, scope=scope, min_concentration=9.0)
    h = torch.randn(64, 16)
    q, p = posterior(h), UniformSphere(6)()

    assert q.concentration.shape == (() if scope == "global" else (64,))
    assert q.concentration.mean().item() == pytest.approx(30, rel=0.1)  # where it starts
    # The divergence and the samples both reach it.
    for part in (kl_divergence(q, p), q.rsample()):
        posterior.zero_grad()
        part.square().cumsum(-1).sum().backward(retain_graph=True)
        learned = list(posterior.concentration.parameters())
        assert learned and all(w.grad.norm() > 0 for w in learned)

    optimizer = torch.optim.SGD(posterior.parameters(), lr=10.0)
    for _ in range(50):  # nothing but the divergence: what collapse looks like
        optimizer.zero_grad()
        kl_divergence(posterior(h), p).mean().backward()
        optimizer.step()
    collapsed = kl_divergence(posterior(h), p)
    assert (collapsed >= posterior.kl_floor * (1 - 1e-5)).all()
    assert collapsed.mean().item() == pytest.approx(posterior.kl_floor, rel=0.05)


@pytest.mark.parametrize("P", POSTERIORS)
def test_impossible_concentrations_are_refused(P: type[Posterior]) -> None:
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"'concentration' must be finite.*got {value}"):
            P(16, concentration=value)
        with pytest.raises(ValueError, match=f"'min_concentration' must be finite.*got {value}"):
            P(16, scope="global", min_concentration=value)
    with pytest.raises(ValueError, match="'concentration' must be above 'min_concentration'"):
        P(16, concentration=20.0, scope="sentence", min_concentration=20.0)
    with pytest.raises(ValueError, match="'scope' must be fixed, global or sentence, got 'each'"):
        P(16, scope="each")


@pytest.mark.parametrize(
    "P, scope",
    [(VonMisesFisherPosterior, "sentence"), (PowerSphericalPosterior, "fixed")],
)
def test_likelihood_is_that_of_quadrature(P: type[Posterior], scope: str) -> None:
    posterior = partial(P, concentration=0.5, scope=scope, min_concentration=0.1)
    vae = text_vae(posterior, 2).eval()
    exact = -quadrature(vae, *grid_of(2, on_sphere=True))

    runs = torch.stack([score(vae, SENTENCES, samples=1000, seed=seed) for seed in range(10)])
    mean = (runs - exact).mean() / runs.mean(dim=1).std() * len(runs) ** 0.5
    assert mean.abs() <= 4.8  # standard errors; one in a thousand, with nine degrees of freedom
    assert runs.std(dim=0).max() < 0.5


@pytest.mark.parametrize("D", [VonMisesFisher, PowerSpherical])
def test_mutual_information_is_that_of_quadrature(
    D: type[VonMisesFisher] | type[PowerSpherical],
) -> None:
    angle = torch.tensor([0.0, 0.4, 2.0, 4.0], dtype=torch.double)
    k = torch.tensor([0.0, 5.0, 20.0, 80.0], dtype=torch.double)
    q = D(torch.stack([angle.cos(), angle.sin()], dim=1), k)
    grid, _ = grid_of(2, on_sphere=True)
    log_q = q.log_prob(grid[:, None])  # (G, N)
    aggregate = log_q.logsumexp(dim=1, keepdim=True) - math.log(4)
    weight = log_q.exp() * (2 * math.pi / 720)
    assert torch.allclose(weight.sum(0), torch.ones(4, dtype=torch.double), atol=1e-9)
    terms = torch.where(weight > 0, weight * (log_q - aggregate), 0.0)

    found = torch.stack([mutual_information(q, q.sample()) for _ in range(2000)])
    error = found.std(0) / 2000**0.5
    assert ((found.mean(0) - terms.sum(0)).abs() <= 5 * error).all()


def test_active_units_count_mean_directions_by_their_length() -> None:
    loc = torch.nn.functional.normalize(torch.randn(500, 8), dim=-1)
    variance = UniformSphere(8)().variance

    assert active_units(VonMisesFisher(loc, 50.0).mean, variance) == 8
    # So wide that the means hardly move: A^2 < 0.01.
    assert active_units(VonMisesFisher(loc, 0.3).mean, variance) == 0
