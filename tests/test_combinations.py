"""Parts that do not go together are refused, or remarked on, in one line."""

from collections.abc import Callable

import pytest
import torch

from textvae.decoders import GRUDecoder
from textvae.encoders import GRUEncoder, TransformerEncoder
from textvae.errors import UsageError
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
from textvae.posteriors import (
    BatchNormPosterior,
    FixedVariancePosterior,
    GaussianPosterior,
    PointPosterior,
    Posterior,
    PriorPosterior,
    VonMisesFisherPosterior,
)
from textvae.schedules import Linear
from textvae.vae import SentenceVAE
from textvae.wiring.combinations import check_combination

from .corpora import TINY
from .transformer_pairs import ENCODERS

VOCAB = 9
ANNEALED = BetaELBO(Linear(length=10))


def make(posterior: type[Posterior] | None) -> SentenceVAE:
    if posterior is None:
        return SentenceVAE(None, None, None, GRUDecoder(VOCAB, 0, 6, 8))
    q = posterior(8, latent_dim=32)
    prior = q.prior_cls(32)
    return SentenceVAE(GRUEncoder(VOCAB, 6, 8), q, prior, GRUDecoder(VOCAB, 32, 6, 8))


REFUSED = [
    (VonMisesFisherPosterior, FreeBits(), "FreeBits needs the divergence of each dimension, and "),
    (None, FreeBits(), "and a language model has none; take --objective elbo"),
    (None, MMD(), "MMD needs a prior, and a language model has none; take --objective elbo"),
    (PointPosterior, IWAE(), "IWAE needs a density of z, and PointPosterior has none; take "),
    (PointPosterior, DReG(), "DReG needs a density of z"),
    (PointPosterior, SampledELBO(), "SampledELBO needs a density of z"),
]


@pytest.mark.parametrize(("posterior", "objective", "message"), REFUSED)
def test_what_means_nothing_is_refused(
    posterior: type[Posterior], objective: Objective, message: str
) -> None:
    with pytest.raises(UsageError, match=f"^objective: .*{message}"):
        check_combination(make(posterior), objective)


CONSTANT = "the KL of VonMisesFisherPosterior is 8.6 nats whatever is learned"
REMARKED = [
    (VonMisesFisherPosterior, ANNEALED, CONSTANT),
    (VonMisesFisherPosterior, BetaELBO(0.5), CONSTANT),
    (VonMisesFisherPosterior, FreeBits(per="sentence"), CONSTANT),
    (VonMisesFisherPosterior, ControlVAE(), CONSTANT),
    (VonMisesFisherPosterior, Lagrangian(), CONSTANT),
    (PriorPosterior, ANNEALED, "PriorPosterior is 0.0 nats whatever"),
    (PointPosterior, ANNEALED, "PointPosterior is 0.0 nats whatever"),
    (None, ANNEALED, "a language model is 0.0 nats whatever"),
    (BatchNormPosterior, FreeBits(5.0), "at least 5.8 nats, so that --objective.rate 5 of Free"),
    (FixedVariancePosterior, Lagrangian(3.0), "at least 3.3 nats, so that --objective.rate 3"),
]


@pytest.mark.parametrize(("posterior", "objective", "message"), REMARKED)
def test_what_is_idle_is_remarked_on(
    posterior: type[Posterior], objective: Objective, message: str
) -> None:
    (line,) = check_combination(make(posterior), objective)

    assert line.startswith("objective: ") and message in line and "\n" not in line


@pytest.mark.parametrize("trainable", ["all", "none", 1])
def test_what_is_drawn_and_never_learns_is_remarked_on(trainable: str | int) -> None:
    vae = make(GaussianPosterior)
    vae.encoder = TransformerEncoder(VOCAB, ENCODERS["bert"], trainable=trainable)
    lines = check_combination(vae, BetaELBO())

    told = [f"encoder: its weights are drawn, not pretrained, and by trainable: {trainable}"]
    assert [line.partition(" most")[0] for line in lines] == told * (trainable != "all")


@pytest.mark.parametrize(
    ("posterior", "objective"),
    [
        (GaussianPosterior, ANNEALED),
        (GaussianPosterior, FreeBits()),
        (VonMisesFisherPosterior, BetaELBO()),
        (VonMisesFisherPosterior, IWAE()),
        (VonMisesFisherPosterior, MMD(1.0, 10.0)),
        (PointPosterior, MMD(1.0, 10.0)),
        (PriorPosterior, IWAE()),
        (BatchNormPosterior, Lagrangian(8.0)),
        (None, BetaELBO()),
    ],
)
def test_what_makes_sense_is_not(posterior: type[Posterior], objective: Objective) -> None:
    vae = make(posterior)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    rng = torch.get_rng_state()

    assert check_combination(vae, objective) == []
    assert torch.equal(torch.get_rng_state(), rng) and vae.training
    assert all(torch.equal(value, before[name]) for name, value in vae.state_dict().items())


def test_the_command_line_says_so(command: Callable[..., tuple[int, str, str]]) -> None:
    tiny = [*TINY, "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false"]
    vmf = ["--posterior", "vmf", *tiny]
    code, out, err = command("train", "--name", "refused", "--objective", "free_bits_dim", *vmf)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "needs the divergence of each dimension" in err

    code, _, err = command("train", "--name", "remarked", "--objective", "warmup", *vmf)
    assert code == 0 and err.count("whatever is learned") == 1
