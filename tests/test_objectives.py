"""Objectives against formulas written out, by hand and by closed forms."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from scipy.integrate import quad
from torch.distributions import Independent, Normal

import textvae.objectives
from textvae.data.batching import collate
from textvae.objectives import (
    IWAE,
    MMD,
    BetaELBO,
    ControlVAE,
    DReG,
    FreeBits,
    Lagrangian,
    Objective,
    SampledELBO,
)
from textvae.objectives.mmd import SCALES, mmd
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.schedules import Constant, Linear
from textvae.types import Terms

from .helpers import leaves
from .tiny import SENTENCES, text_vae

NEUTRAL = [
    BetaELBO(1.0),
    ControlVAE(min_beta=1.0, max_beta=1.0),
    DReG(1),
    *(FreeBits(0.0, per) for per in ("sentence", "dimension", "batch", "batch_dimension")),
    IWAE(1),
    Lagrangian(rate=0.0),
    MMD(),
    SampledELBO(1),
    SampledELBO(1, path=True),
]
"""Every objective where it is the negative evidence lower bound."""

ACTIVE = [
    BetaELBO(0.3),
    ControlVAE(),
    DReG(3),
    *(FreeBits(1.0, per) for per in ("sentence", "dimension", "batch", "batch_dimension")),
    IWAE(3),
    Lagrangian(rate=30.0),
    MMD(alpha=0.5, lambda_=10.0),
    SampledELBO(3, path=True),
]


def named(objective: Objective) -> str:
    arguments = "-".join(str(value) for value in objective.init_args.values())
    return f"{type(objective).__name__}-{arguments}"


def terms(samples: int = 3, batch: int = 4) -> Terms:
    torch.manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, dtype=torch.float64)  # noqa: E731
    per_dim = draw(batch, 2).abs()
    log_pz = draw(samples, batch)
    return Terms(
        q=None,
        p=StandardNormal(2).double()(),
        z=draw(samples, batch, 2),
        log_px_z=draw(samples, batch),
        log_pz=log_pz,
        log_qz_x=log_pz + per_dim.sum(dim=1),  # so that every sample agrees with the divergence
        kl=per_dim.sum(dim=1),
        kl_per_dim=per_dim,
        num_tokens=torch.full((batch,), 5),
        auxiliary=draw(batch).abs(),
    )


# The contract


@pytest.mark.parametrize("cls", leaves(Objective))
def test_contract(cls: type[Objective]) -> None:
    """At its defaults an objective is a finite number of nats per sentence, and exported."""
    loss = cls()(terms(), step=0)

    assert loss.shape == () and torch.isfinite(loss)
    assert cls.__name__ in textvae.objectives.__all__
    assert {cls} <= {type(objective) for objective in NEUTRAL} & {type(o) for o in ACTIVE}


@pytest.mark.parametrize("objective", NEUTRAL, ids=named)
def test_the_neutral_setting_is_the_negative_elbo(objective: Objective) -> None:
    t = terms(samples=1)
    elbo = t.log_px_z[0] - t.kl - t.auxiliary

    assert objective(t, step=3).item() == pytest.approx(-elbo.mean().item(), rel=1e-12)


@pytest.mark.parametrize("objective", [*NEUTRAL, *ACTIVE], ids=named)
def test_gradients_are_finite_and_reach_every_parameter(objective: Objective) -> None:
    torch.manual_seed(0)
    vae = text_vae(GaussianPosterior, 3)
    batch = collate(SENTENCES, range(len(SENTENCES)))
    terms = vae(batch, objective.num_samples, objective.stop_score)
    objective(terms, step=0).backward()

    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.norm() > 0, name


@pytest.mark.parametrize("objective", ACTIVE, ids=named)
def test_the_auxiliary_loss_is_added(objective: Objective) -> None:
    t = terms()
    more = replace(t, auxiliary=t.auxiliary + torch.tensor([1.0, 2.0, 3.0, 6.0]))
    rng = torch.get_rng_state()
    before = objective(t, step=0)
    torch.set_rng_state(rng)

    assert (objective(more, step=0) - before).item() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FreeBits(-1.0), "'rate' must be at least 0, got -1.0"),
        (lambda: SampledELBO(0), "'num_samples' must be at least 1, got 0"),
        (lambda: IWAE(0), "'num_samples' must be at least 1, got 0"),
        (lambda: DReG(0), "'num_samples' must be at least 1, got 0"),
        (lambda: MMD(alpha=1.5), "'alpha' must be at most 1, got 1.5"),
        (lambda: MMD(alpha=0.2, lambda_=0.5), "'lambda_' must be at least 1 - 'alpha', got 0.5"),
        (lambda: ControlVAE(rate=math.inf), "'rate' must be finite and above 0, got inf"),
        (lambda: ControlVAE(min_beta=2.0), "'min_beta' must lie between 0 and 'max_beta'"),
        (lambda: Lagrangian(rate=-1.0), "'rate' must be finite and at least 0, got -1.0"),
        (lambda: Lagrangian(step_size=0.0), "'step_size' must be above 0, got 0.0"),
    ],
)
def test_impossible_values_are_refused(make: Callable[[], Objective], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# The weighted bound, and free bits


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
    assert annealed.weights(5) == {"beta": 0.5}
    assert annealed(terms(), 0).item() == pytest.approx(BetaELBO(0.0)(terms(), 0).item())
    assert annealed(terms(), 5).item() == pytest.approx(BetaELBO(0.5)(terms(), 0).item())
    assert annealed(terms(), 10).item() == pytest.approx(BetaELBO(1.0)(terms(), 0).item())


PAID = {
    "sentence": lambda kl: sum(max(1.5, sum(row)) for row in kl) / len(kl),
    "dimension": lambda kl: sum(max(0.75, value) for row in kl for value in row) / len(kl),
    "batch": lambda kl: max(1.5, sum(map(sum, kl)) / len(kl)),
    "batch_dimension": lambda kl: sum(
        max(0.75, sum(column) / len(kl)) for column in zip(*kl, strict=True)
    ),
}


@pytest.mark.parametrize("per", PAID)
def test_free_bits(per: str) -> None:
    t = terms()
    rest = (t.auxiliary - t.log_px_z.mean(dim=0)).mean().item()
    paid = PAID[per](t.kl_per_dim.tolist())

    assert FreeBits(1.5, per)(t, 0).item() == pytest.approx(rest + paid)
    assert FreeBits(1.5, per, beta=0.4)(t, 0).item() == pytest.approx(rest + 0.4 * paid)


@pytest.mark.parametrize("per", PAID)
def test_what_is_free_has_no_gradient(per: str) -> None:
    kl = torch.tensor([[0.1, 0.2], [0.3, 0.1]], requires_grad=True)
    t = replace(terms(batch=2), kl_per_dim=kl, kl=kl.sum(dim=1))
    FreeBits(2.0, per)(t, 0).backward()
    assert (kl.grad == 0).all()
    kl.grad = None
    FreeBits(0.1, per)(t, 0).backward()
    assert (kl.grad > 0).all()


def test_free_bits_per_dimension_want_dimensions() -> None:
    with pytest.raises(ValueError, match="needs the divergence of each dimension"):
        FreeBits(per="dimension")(replace(terms(), kl_per_dim=None), 0)


# The aggregate divergence


def kernel(a: list[float], b: list[float], distance: float) -> float:
    apart = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return sum(c * distance / (c * distance + apart) for c in SCALES) / len(SCALES)


def test_mmd_is_a_double_loop() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 5, 3, dtype=torch.double), torch.randn(2, 5, 3, dtype=torch.double)
    expected = []
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        pairs = [(i, j) for i in range(5) for j in range(5)]
        within = sum(kernel(x[i], x[j], 6.0) + kernel(y[i], y[j], 6.0) for i, j in pairs if i != j)
        across = sum(kernel(x[i], y[j], 6.0) for i, j in pairs)
        expected.append(within / 20 - 2 * across / 25)

    torch.testing.assert_close(mmd(a, b, torch.tensor(6.0)), torch.tensor(expected).double())


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_mmd_is_unbiased(shift: float) -> None:
    """Its mean over 2000 batches is the integral over both distributions, to 4 standard errors."""
    torch.manual_seed(0)
    a = torch.randn(2000, 8, 1, dtype=torch.double) + shift
    found = mmd(a, torch.randn_like(a), torch.tensor(2.0))

    def expected(mean: float) -> float:
        """The mean kernel of two draws whose difference is N(mean, 2)."""
        density = lambda x: math.exp(-((x - mean) ** 2) / 4) / math.sqrt(4 * math.pi)  # noqa: E731
        return quad(lambda x: kernel([x], [0.0], 2.0) * density(x), -12, 12)[0]

    truth = 2 * expected(0.0) - 2 * expected(shift)
    assert abs(found.mean().item() - truth) < 4 * found.std().item() / 2000**0.5
    assert truth == 0 if shift == 0 else truth > 0.1


def test_mmd_has_a_gradient_where_points_coincide() -> None:
    a = torch.zeros(1, 4, 2, requires_grad=True)
    mmd(a, torch.randn(1, 4, 2), torch.tensor(4.0)).sum().backward()

    assert a.grad.isfinite().all() and a.grad.norm() > 0


def test_infovae_is_its_formula() -> None:
    torch.manual_seed(0)
    t, objective = terms(samples=1, batch=6), MMD(alpha=0.3, lambda_=5.0)
    rng = torch.get_rng_state()
    found = objective(t, 0)
    torch.set_rng_state(rng)
    prior = t.p.sample((1, 6))
    rest = (-t.log_px_z[0] + 0.7 * t.kl + t.auxiliary).mean()

    expected = rest + 4.3 * mmd(t.z, prior, torch.tensor(4.0))[0]
    assert found.item() == pytest.approx(expected.item())
    assert objective(terms(samples=1, batch=1), 0).isfinite(), "a batch of one has no pairs"


def test_infovae_draws_to_any_prior() -> None:
    p = Independent(Normal(torch.full((2,), 3.0), torch.full((2,), 0.5)), 1)
    z = torch.zeros(1, 8, 2, requires_grad=True)
    t = replace(terms(1, 8), p=p, z=z)
    MMD(alpha=1.0, lambda_=1.0)(t, 0).backward()

    assert (z.grad < 0).all(), "downhill is towards 3"


# Controllers


def with_kl(value: float) -> Terms:
    t = terms(batch=2)
    return replace(t, kl=torch.tensor([value - 0.5, value + 0.5]))


def test_control_vae_is_its_formula() -> None:
    gains = {"proportional": 0.05, "integral": 0.01, "min_beta": 0.1, "max_beta": 0.5}
    objective, total = ControlVAE(rate=4.0, **gains), 0.0
    for step, kl in enumerate([0.5, 3.0, 20.0, 30.0, 45.0, 8.0, 3.0, 0.5]):
        error = 4.0 - kl
        total = min(max(total - 0.01 * error, 0.0), 0.4)
        beta = min(0.1 + 0.05 / (1 + math.exp(error)) + total, 0.5)
        loss = objective(with_kl(kl), step).item()

        t = with_kl(kl)
        expected = (t.auxiliary - t.log_px_z.mean(dim=0) + beta * t.kl).mean().item()
        assert objective.beta == pytest.approx(beta) and loss == pytest.approx(expected)
        assert objective.weights(step) == {"beta": objective.beta, "integrated": total}
    ControlVAE(rate=2000.0)(with_kl(0.0), 0)  # exp(2000) would overflow


def test_lagrangian_is_its_formula() -> None:
    objective, u = Lagrangian(rate=4.0, step_size=0.1, damping=0.05), 0.0
    for step, kl in enumerate([0.5, 3.0, 20.0, 3.0, 3.5]):
        u = max(0.0, u + 0.1 * (4.0 - kl))
        w = max(0.0, u + 0.05 * (4.0 - kl))
        t = with_kl(kl)
        expected = (t.auxiliary - t.log_px_z.mean(dim=0) + t.kl + w * (4.0 - t.kl)).mean().item()

        assert objective(t, step).item() == pytest.approx(expected)
        assert objective.weights(step) == pytest.approx({"multiplier": u, "weight": w})


CONTROLLERS = [
    ControlVAE(rate=5.0, integral=0.01, max_beta=2.0),
    Lagrangian(rate=5.0, step_size=0.05),
]


@pytest.mark.parametrize("objective", CONTROLLERS, ids=named)
def test_controllers_reach_their_target(objective: Objective) -> None:
    """On a model whose best trade-off is -4 sqrt(KL) + weight * KL, by gradient descent."""
    root = torch.tensor(0.1, requires_grad=True)  # of the divergence
    t = terms(batch=1)
    for step in range(500):
        kl = root.square().expand(1)
        loss = objective(replace(t, kl=kl, log_px_z=4 * root.abs().expand(1, 1)), step)
        root.grad = torch.autograd.grad(loss, root)[0]
        root.data -= 0.05 * root.grad

    assert root.item() ** 2 == pytest.approx(5.0, rel=0.02)


@pytest.mark.parametrize("objective", CONTROLLERS, ids=named)
def test_controllers_move_once_a_batch_and_go_on_exactly(objective: Objective) -> None:
    """Whatever an update rule asks for in between; a checkpoint is plain numbers."""
    for step in range(3):
        objective(with_kl(1.0), step)
        state = objective.state_dict()
        for kl in (9.0, 2.0):  # the inner steps of an update, on other batches
            objective(with_kl(kl), step)
        assert objective.state_dict() == state

    again = type(objective)(**objective.init_args)
    again.load_state_dict(json.loads(json.dumps(state)))
    for step in range(3, 6):
        assert again(with_kl(2.0), step).item() == objective(with_kl(2.0), step).item()
    assert again.state_dict() == objective.state_dict() != state
