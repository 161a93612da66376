"""Bounds of the likelihood against models that have it in closed form or by quadrature."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from textvae.metrics import score
from textvae.metrics.likelihood import Scorer
from textvae.posteriors import GaussianPosterior, VonMisesFisherPosterior
from textvae.posteriors.base import Posterior
from textvae.types import EOS
from textvae.vae import SentenceVAE

from .linear_gaussian import LinearGaussian
from .tiny import SENTENCES, report, text_vae


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_linear_gaussian_at_the_true_posterior_is_exact() -> None:
    model = LinearGaussian()
    for samples in (1, 7):
        found = model.evaluate(model.vae(), samples)
        assert found.nll_iw == pytest.approx(-model.log_p.mean().item(), abs=1e-9)
    torch.testing.assert_close(
        score(model.vae(), model.sentences, samples=3), -model.log_p, rtol=0, atol=1e-9
    )


def test_linear_gaussian_orders_the_bounds() -> None:
    model = LinearGaussian()
    vae = model.vae(offset=0.2, factor=1.3)
    found = {samples: model.evaluate(vae, samples) for samples in (10, 200)}
    q, true = vae.posterior(model.y), model.vae().posterior(model.y)
    kl_true = torch.distributions.kl_divergence(q.base_dist, true.base_dist).sum(dim=1).mean()
    kl_prior = torch.distributions.kl_divergence(q.base_dist, Normal(0.0, 1.0)).sum(dim=1).mean()

    exact, elbo = -model.log_p.mean().item(), (kl_true - model.log_p.mean()).item()
    # Draws of log p(y | z) vary by less than 3 nats; there are 80 000.
    assert found[200].nll_elbo == pytest.approx(elbo, abs=4 * 3 / 80_000**0.5)
    assert found[200].kl == pytest.approx(kl_prior.item(), abs=1e-9)
    assert sum(found[200].kl_per_dim) == pytest.approx(kl_prior.item(), abs=1e-9)
    # The weights' variance is under 1, so that 400 sentences of 200 draws err by under 0.0036.
    assert found[200].nll_iw == pytest.approx(exact, abs=4 * 0.0036)
    assert exact + 4 * 0.0036 < found[10].nll_iw < found[10].nll_elbo - 0.1


def test_linear_gaussian_z_gain() -> None:
    model = LinearGaussian()
    vae, count = model.vae(), len(model.y)
    q = vae.posterior(model.y)
    other = torch.arange(count).roll(1)
    predicted = q.mean @ model.weight.T
    # With equal covariances, only the means tell own from other.
    expected = (model.y - predicted[other]).square().sum(1) - (model.y - predicted).square().sum(1)
    expected /= 2 * model.scale**2

    scorer = Scorer(vae, model.sentences, max_tokens=100, precision="32")
    found = torch.stack([scorer.gains(q.sample(), other) for _ in range(100)]).mean(dim=1)
    assert abs(found.mean() - expected.mean()) <= 4 * found.std() / len(found) ** 0.5
    assert model.evaluate(vae, 1).z_gain > 1


def quadrature(vae: SentenceVAE, grid: Tensor, weights: Tensor) -> Tensor:
    """log p(x) of each sentence, from latents (G, D) with weights that include the prior."""
    log_p = []
    for sentence in SENTENCES:
        x = torch.tensor([[*sentence, EOS]])
        with torch.no_grad():
            log_px_z = vae.decoder.log_prob(x, torch.ones_like(x, dtype=torch.bool), grid[:, None])
        log_p.append(torch.logsumexp(log_px_z[:, 0] + weights.log(), dim=0))
    return torch.stack(log_p)


def grid_of(latent_dim: int, on_sphere: bool) -> tuple[Tensor, Tensor]:
    if on_sphere:  # the rectangle rule on a circle is exact to all orders
        angle = torch.arange(720, dtype=torch.double) * (2 * math.pi / 720)
        return torch.stack([angle.cos(), angle.sin()], dim=1), torch.full((720,), 1 / 720)
    axis = torch.linspace(-7, 7, 201 if latent_dim == 2 else 2001, dtype=torch.double)
    grid = torch.cartesian_prod(*[axis] * latent_dim).view(-1, latent_dim)
    density = Independent(Normal(torch.zeros(latent_dim), torch.ones(latent_dim)), 1)
    return grid, density.log_prob(grid).exp() * (axis[1] - axis[0]) ** latent_dim


@pytest.mark.parametrize(
    "posterior, latent_dim",
    [(GaussianPosterior, 1), (GaussianPosterior, 2), (VonMisesFisherPosterior, 2)],
)
def test_likelihood_is_that_of_quadrature(posterior: type[Posterior], latent_dim: int) -> None:
    vae = text_vae(posterior, latent_dim).eval()
    on_sphere = posterior is VonMisesFisherPosterior
    if on_sphere:
        vae.posterior.concentration.start = 1.5  # as wide as the true posterior
    grid, weights = grid_of(latent_dim, on_sphere)
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    exact = -quadrature(vae, grid, weights)

    runs = torch.stack([score(vae, SENTENCES, samples=1000, seed=seed) for seed in range(40)])
    each = (runs - exact).mean(dim=0) / runs.std(dim=0) * len(runs) ** 0.5
    mean = (runs - exact).mean() / runs.mean(dim=1).std() * len(runs) ** 0.5
    assert mean.abs() <= 3 and each.abs().max() <= 4  # in standard errors, over eight sentences
    assert runs.std(dim=0).max() < 0.15
    # And z matters, or a wrong density would pass.
    assert report(vae, samples=1000).nll_elbo > exact.mean() + 0.3
