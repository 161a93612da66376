"""Bounds and their gradients, on models whose likelihood is known and by hand."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from textvae.data.batching import collate
from textvae.objectives import IWAE, BetaELBO, DReG, Objective, SampledELBO
from textvae.posteriors import GaussianPosterior, PriorPosterior
from textvae.types import Terms
from textvae.vae import SentenceVAE

from .linear_gaussian import LinearGaussian
from .test_objectives import named, terms
from .tiny import SENTENCES, text_vae

# Bounds, on a model whose likelihood is known


@pytest.fixture(scope="module")
def model() -> LinearGaussian:
    return LinearGaussian()


def loss_of(objective: Objective, vae: SentenceVAE, sentences: list[list[int]]) -> Tensor:
    batch = collate(sentences, range(len(sentences)))
    with torch.no_grad():
        return objective(vae(batch, objective.num_samples), step=0)


@pytest.mark.parametrize("objective", [SampledELBO(4), IWAE(4), DReG(4)], ids=named)
def test_bounds_are_tight_at_the_true_posterior(
    model: LinearGaussian, objective: Objective
) -> None:
    torch.manual_seed(0)
    found = loss_of(objective, model.vae(), model.sentences)

    assert found.item() == pytest.approx(-model.log_p.mean().item(), rel=1e-9)


def test_bounds_are_ordered(model: LinearGaussian) -> None:
    torch.manual_seed(0)
    vae = model.vae(offset=0.5, factor=1.3)
    elbo, two, many = (
        loss_of(objective, vae, model.sentences * 5).item()
        for objective in (BetaELBO(), IWAE(2), IWAE(50))
    )

    assert elbo > two + 0.05 > many + 0.1 > -model.log_p.mean().item()
    assert many == pytest.approx(-model.log_p.mean().item(), abs=0.03)


def test_the_naive_likelihood_is_unbiased(model: LinearGaussian) -> None:
    """The mean of exp(-loss) over draws from the prior is p(x), to 4 standard errors."""
    torch.manual_seed(0)
    vae = model.vae()
    vae.posterior = PriorPosterior(3, latent_dim=2).double()
    likelihood = torch.stack(
        [(-loss_of(IWAE(32), vae, [[7]])).exp() for _ in range(600)]
    )  # (600,)
    error = likelihood.std() / 600**0.5

    assert (likelihood.mean() - model.log_p[7].exp()).abs() < 4 * error
    assert error < 0.05 * model.log_p[7].exp()


# Gradients of the bounds, on one dimension by hand


class Toy:
    """p(z) = N(0, 1), p(y | z) = N(w z, 1) and q(z | y) = N(m, s^2), for B copies of one y."""

    y = 0.7
    generator = torch.Generator().manual_seed(0)

    def __init__(self, w: float, m: float, s: float) -> None:
        self.w, self.m, self.s = (
            torch.tensor(value, dtype=torch.double, requires_grad=True) for value in (w, m, s)
        )

    def terms(self, samples: int, batch: int, stop_score: bool) -> Terms:
        rest = terms(samples, batch)
        noise = torch.randn(samples, batch, generator=self.generator, dtype=torch.double)
        z = (self.m + self.s * noise)[..., None].clone()
        loc, scale = (self.m.detach(), self.s.detach()) if stop_score else (self.m, self.s)
        density = lambda loc, scale, x: Normal(loc, scale).log_prob(x).squeeze(-1)  # noqa: E731
        log_px_z = density(self.w * z, 1.0, torch.full_like(z, self.y))
        return replace(
            rest,
            z=z,
            log_px_z=log_px_z,
            log_pz=density(0.0, 1.0, z),
            log_qz_x=density(loc, scale, z),
            auxiliary=torch.zeros(batch, dtype=torch.double),
        )

    def gradients(self, loss: Tensor) -> list[float]:
        found = torch.autograd.grad(loss, (self.w, self.m, self.s))
        return [value.item() for value in found]


def by_hand(toy: Toy, t: Terms) -> list[float]:
    """The doubly reparametrised gradient of w, m and s, from the derivatives of the densities."""
    w, m, s = toy.w.item(), toy.m.item(), toy.s.item()
    totals = [0.0, 0.0, 0.0]
    for b in range(t.z.shape[1]):
        z = t.z[:, b, 0].tolist()
        log_w = [-0.5 * (toy.y - w * v) ** 2 - 0.5 * v**2 + 0.5 * ((v - m) / s) ** 2 for v in z]
        share = [math.exp(value) / sum(map(math.exp, log_w)) for value in log_w]
        for v, a in zip(z, share, strict=True):
            through_z = w * (toy.y - w * v) - v + (v - m) / s**2
            totals[0] -= a * v * (toy.y - w * v)
            totals[1] -= a**2 * through_z
            totals[2] -= a**2 * through_z * (v - m) / s
    return [total / t.z.shape[1] for total in totals]


def test_dreg_is_the_path_derivative_by_hand() -> None:
    torch.manual_seed(0)
    toy = Toy(w=1.3, m=0.2, s=1.1)
    t = toy.terms(samples=5, batch=6, stop_score=True)

    assert toy.gradients(DReG(5)(t, 0)) == pytest.approx(by_hand(toy, t), rel=1e-10)


def test_dreg_has_the_value_and_the_mean_gradient_of_iwae() -> None:
    """Both estimate one gradient: the means of 60 batches of 1000 agree to 4 standard errors."""
    torch.manual_seed(0)
    toy = Toy(w=1.3, m=0.2, s=1.1)
    differences = []
    for _ in range(60):
        plain, stopped = toy.terms(4, 1000, False), toy.terms(4, 1000, True)
        one, two = toy.gradients(IWAE(4)(plain, 0)), toy.gradients(DReG(4)(stopped, 0))
        differences.append([a - b for a, b in zip(one, two, strict=True)])
    found = torch.tensor(differences)
    error = found.std(dim=0) / 60**0.5

    assert (found.mean(dim=0).abs() < 4 * error).all() and (error < 0.01).all()
    t = toy.terms(4, 10, True)
    assert DReG(4)(t, 0).item() == pytest.approx(IWAE(4)(t, 0).item(), rel=1e-12)


def test_dreg_leaves_the_gradient_of_the_auxiliary_loss_alone() -> None:
    torch.manual_seed(0)
    vae = text_vae(GaussianPosterior, 3)
    vae.auxiliary = lambda x, mask, z: z.sum(dim=(0, 2))
    batch = collate(SENTENCES, range(len(SENTENCES)))
    bias = vae.posterior.project.bias
    gradients = []
    for weight in (0.0, 1.0):
        torch.manual_seed(1)
        t = vae(batch, 4, stop_score=True)
        loss = DReG(4)(replace(t, auxiliary=weight * t.auxiliary), 0)
        gradients.append(torch.autograd.grad(loss, bias)[0][:3])

    # The mean over a batch of the sum over 4 samples, by the means of the posterior.
    expected = torch.full((3,), 4.0, dtype=torch.double)
    torch.testing.assert_close(gradients[1] - gradients[0], expected)


def test_dreg_weighs_the_latents_of_its_own_process() -> None:
    torch.manual_seed(0)
    toy = Toy(w=1.3, m=0.2, s=1.1)
    own = toy.terms(samples=5, batch=6, stop_score=True)
    shared = replace(own, z=own.z.clone(), own=own)

    assert toy.gradients(DReG(5)(shared, 0)) == pytest.approx(by_hand(toy, own), rel=1e-10)


def test_the_path_derivative_has_no_noise_at_the_true_posterior() -> None:
    torch.manual_seed(0)
    variance = 1 / (1 + 1.3**2)
    toy = Toy(w=1.3, m=1.3 * Toy.y * variance, s=variance**0.5)
    path, score = (
        toy.gradients(SampledELBO(1, path)(toy.terms(1, 3, stop_score=path), 0))[1:]
        for path in (True, False)
    )

    assert path == pytest.approx([0.0, 0.0], abs=1e-12)
    assert min(abs(value) for value in score) > 1e-3
