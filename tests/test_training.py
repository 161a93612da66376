"""Training: it learns, it resumes to the bit, and its schedules do what they say."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import yaml
from lightning_fabric.utilities import move_data_to_device
from torch.utils.data import DataLoader

from textvae import posteriors
from textvae.data.batching import BatchPlan, SentenceLoader, collate
from textvae.decoders import GRUDecoder
from textvae.encoders import GRUEncoder
from textvae.errors import TrainingError, UsageError
from textvae.objectives import BetaELBO, Lagrangian, Objective
from textvae.posteriors import BatchNormPosterior, GaussianPosterior, Posterior
from textvae.priors import StandardNormal
from textvae.schedules import Linear
from textvae.training import (
    ConstantRate,
    CosineRestarts,
    Joint,
    LitTextVAE,
    LRSchedule,
    PlateauHalving,
    WarmupDecay,
)
from textvae.training.callbacks import Interrupted
from textvae.types import Batch
from textvae.vae import SentenceVAE
from textvae.wiring.build import build
from textvae.wiring.configs import CONFIGS
from textvae.wiring.parser import instantiate
from textvae.wiring.request import parse

from .corpora import LINES
from .helpers import quiet_trainer

VOCAB = 12


def make(
    seed: int = 0,
    lr_schedule: LRSchedule | None = None,
    lr: float = 0.01,
    posterior: Posterior | None = None,
) -> LitTextVAE:
    torch.manual_seed(seed)
    posterior = posterior or GaussianPosterior(8, 4)
    vae = SentenceVAE(
        GRUEncoder(VOCAB, 8, 8, dropout=0.2),
        posterior,
        StandardNormal(posterior.latent_dim),
        GRUDecoder(VOCAB, posterior.latent_dim, 8, 8),
    )
    return LitTextVAE(
        vae,
        BetaELBO(Linear(length="2ep")),
        Joint(),
        lambda parameters: torch.optim.AdamW(parameters, lr=lr),
        lr_schedule or WarmupDecay(),
    )


def loader() -> SentenceLoader:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (80,), generator=generator).tolist()
    sentences = [torch.randint(4, VOCAB, (n,), generator=generator).tolist() for n in lengths]
    return SentenceLoader(sentences, BatchPlan(lengths, max_sentences=8, seed=3))


def validation() -> DataLoader:
    generator = torch.Generator().manual_seed(1)
    sentences = torch.randint(4, VOCAB, (24, 5), generator=generator).tolist()
    batches = [collate(sentences[i : i + 8], range(i, i + 8)) for i in (0, 8, 16)]
    return DataLoader(batches, batch_size=None, generator=torch.Generator())


def trainer(folder: Path, **options: Any) -> pl.Trainer:
    return quiet_trainer(folder, **{"max_epochs": 4, **options})


class Recorder(pl.Callback):
    """Keeps what was logged after each batch."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        values = {k: v.item() for k, v in trainer.callback_metrics.items()}
        self.logged.append({**values, "lr": rate})


class Moved:
    """A tensor that tells how it was moved."""

    def to(self, device: torch.device, non_blocking: bool) -> tuple[str, bool]:
        return str(device), non_blocking


@pytest.mark.parametrize(
    ("device", "meanwhile"), [("cuda:1", True), ("cpu", False), ("mps", False)]
)
def test_a_gpu_gets_its_batches_while_training_goes_on(device: str, meanwhile: bool) -> None:
    """As Lightning moves what is no tensor: without a word on whether to wait."""
    batch = move_data_to_device(Batch(*[Moved()] * 5), torch.device(device))
    assert batch.target == (device, meanwhile) and batch.label is None


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    recorder = Recorder()
    module = make(lr=0.03)
    trainer(tmp_path, max_epochs=10, callbacks=[recorder]).fit(module, loader())
    losses = [logged["loss"] for logged in recorder.logged]

    n = len(losses) // 10
    assert sum(losses[-n:]) / n < 0.9 * sum(losses[:n]) / n
    assert module.batches_seen == len(losses)


class InterruptBefore(pl.Callback):
    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        if pl_module.batches_seen == self.batch:
            raise Interrupted


@pytest.mark.parametrize("cut", [7, 10, 23])
def test_resume_is_bitwise(tmp_path: Path, cut: int) -> None:
    """Cut in the middle and at the end of an epoch; another process would have another seed."""
    whole = make()
    torch.manual_seed(1)
    trainer(tmp_path).fit(whole, loader())

    first = make()
    torch.manual_seed(1)
    saver = pl.callbacks.ModelCheckpoint(tmp_path, "cut", every_n_train_steps=cut, save_top_k=1)
    callbacks = [saver, InterruptBefore(cut)]
    with pytest.raises(Interrupted):
        trainer(tmp_path, callbacks=callbacks, enable_checkpointing=True).fit(first, loader())
    second = make(seed=5)
    torch.manual_seed(99)
    trainer(tmp_path).fit(second, loader(), ckpt_path=tmp_path / "cut.ckpt", weights_only=True)

    assert second.batches_seen == whole.batches_seen
    for a, b in zip(second.parameters(), whole.parameters(), strict=True):
        assert torch.equal(a, b)


def test_validation_takes_no_randomness_from_training(tmp_path: Path) -> None:
    with_it, without = make(), make()
    for module, data in ((with_it, (loader(), validation())), (without, (loader(),))):
        torch.manual_seed(1)
        trainer(tmp_path, num_sanity_val_steps=0).fit(module, *data)

    for a, b in zip(with_it.parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_warmup_decay(tmp_path: Path, decay: str) -> None:
    schedule = WarmupDecay(warmup=0.25, constant=0.25, decay=decay)
    assert schedule.factor(0.125) == 0.5
    assert schedule.factor(0.25) == schedule.factor(0.5) == 1.0
    assert schedule.factor(0.75) == pytest.approx(0.5)
    assert schedule.factor(1.0) == pytest.approx(0.0)

    recorder = Recorder()
    trainer(tmp_path, callbacks=[recorder]).fit(make(lr_schedule=schedule), loader())
    rates = [logged["lr"] for logged in recorder.logged]
    assert max(rates) == pytest.approx(0.01) and 0 < rates[-1] < 0.002
    with pytest.raises(ValueError, match="'warmup' and 'constant' are shares"):
        WarmupDecay(warmup=0.5, constant=0.5)


@pytest.mark.parametrize(
    "end",
    [
        {"max_epochs": 2},
        {"max_epochs": -1, "max_steps": 20},
        {"max_epochs": 9, "max_steps": 20},
        {"max_epochs": -1, "max_steps": 10, "accumulate_grad_batches": 2},
    ],
)
def test_the_rate_decays_to_the_end_however_it_is_given(
    tmp_path: Path, end: dict[str, int]
) -> None:
    recorder, schedule = Recorder(), WarmupDecay(warmup=0.25, decay="linear")
    trainer(tmp_path, callbacks=[recorder], **end).fit(make(lr_schedule=schedule), loader())
    rates = [logged["lr"] for logged in recorder.logged]

    assert len(loader()) == 10 and len(rates) == 20
    assert rates == pytest.approx([0.01 * schedule.factor((i + 0.5) / 20) for i in range(20)])


def test_a_decay_to_no_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="set --trainer.max_epochs, or take --lr_schedule Const"):
        trainer(tmp_path, max_epochs=-1).fit(make(), loader())


def test_a_share_of_no_end_is_refused(tmp_path: Path) -> None:
    module = make(lr_schedule=ConstantRate())
    module.objective = BetaELBO(Linear(length="25%"))
    with pytest.raises(UsageError, match="'25%' needs 'all_batches'.* set --trainer.max_epochs"):
        trainer(tmp_path, max_epochs=-1).fit(module, loader())


class Scripted(pl.Callback):
    """Puts a known value in the place of the validation metric and notes what follows."""

    def __init__(self, values: list[float]) -> None:
        self.values = values
        self.rates: list[float] = []
        self.weights: list[torch.Tensor] = []

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.log("scripted", torch.tensor(self.values[trainer.current_epoch]))
        self.weights.append(pl_module.vae.decoder.to_logits.weight.detach().clone())

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        self.weights.append(pl_module.vae.decoder.to_logits.weight.detach().clone())


def test_plateau_halving(tmp_path: Path) -> None:
    """Best in epoch 1; plateaus of two in epochs 3 and 5; the third, in epoch 7, is the end."""
    values = [5.0, 4.0, 4.5, 4.5, 4.2, 4.2, 4.2, 4.2, 4.2]
    script = Scripted(values)
    schedule = PlateauHalving("scripted", patience=2, start_epoch=3, max_decays=3)
    run = trainer(tmp_path, callbacks=[script], max_epochs=9, num_sanity_val_steps=0)
    run.fit(make(lr_schedule=schedule, lr=0.04), loader(), validation())

    assert script.rates == pytest.approx([0.04] * 4 + [0.02] * 2 + [0.01] * 2)
    starts, ends = script.weights[0::2], script.weights[1::2]
    assert torch.equal(starts[4], ends[1])  # the best weights are back
    assert torch.equal(starts[6], ends[1])
    assert torch.equal(starts[3], ends[2])  # and elsewhere nothing is reloaded
    with pytest.raises(ValueError, match="'factor' must lie between 0 and 1, got 2"):
        PlateauHalving(factor=2)


def by_the_published_rule(
    values: list[float], patience: int, start: int, most: int
) -> tuple[list[tuple[int, int]], int]:
    """As text.py of the code of He et al. (2019) halves.

    Returns:
        The epochs that halve, each with the epoch whose weights come back, and the last epoch.
    """
    halvings, best, bar, worse = [], 0, float("inf"), 0
    for epoch, value in enumerate(values):
        best = epoch if value < values[best] else best
        if value <= bar:
            bar, worse = value, 0
            continue
        worse += 1
        if worse >= patience and epoch >= start:
            halvings.append((epoch, best))
            bar, worse = value, 0  # the bar is the epoch that led to it, not the best
        if len(halvings) == most:
            break
    return halvings, epoch


def halvings(
    values: list[float], resumed_at: int | None = None, **options: Any
) -> tuple[list[tuple[int, int]], int]:
    """What :class:`PlateauHalving` does; an epoch leaves its number in the weights."""
    module = torch.nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    run = SimpleNamespace(sanity_checking=False, optimizers=[optimizer], should_stop=False)
    schedule, found = PlateauHalving(**options), []
    for epoch, value in enumerate(values):
        if epoch == resumed_at:
            state, schedule = schedule.state_dict(), PlateauHalving(**options)
            schedule.load_state_dict(state)
        torch.nn.init.constant_(module.weight, epoch)
        run.current_epoch = epoch
        run.callback_metrics = {"valid_loss": torch.tensor(value, dtype=torch.double)}
        schedule.on_validation_end(run, module)
        if run.should_stop:
            break
        if schedule.decays > len(found):
            found.append((epoch, int(module.weight.item())))
            assert optimizer.param_groups[0]["lr"] == 0.5 ** len(found)
    return found, epoch


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_halvings_since_the_last_are_those_of_the_published_code(seed: int, patience: int) -> None:
    """On falling, noisy validation losses with ties, and after a resume anywhere."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(200, generator=generator).double()
    values = (9 * torch.linspace(0, -3, 200).exp() + noise / 2).mul(10).round().div(10).tolist()
    found, last = by_the_published_rule(values, patience, start=15, most=5)
    options = {"patience": patience, "start_epoch": 15, "since_halving": True}

    assert len(found) == 5
    # The last one ends training.
    assert halvings(values, **options) == (found[:4], last)
    assert halvings(values, resumed_at=last // 2, **options) == (found[:4], last)


def test_what_a_plateau_is_compared_with() -> None:
    """Epoch 3 halves; the next ones are better than it, and no better than epoch 1."""
    values = [5.0, 4.0, 4.5, 4.5, 4.2, 4.2, 4.1, 4.3, 4.3]
    options = {"patience": 2, "start_epoch": 3}

    assert halvings(values, **options)[0] == [(3, 1), (5, 1), (7, 1)]
    assert halvings(values, **options, since_halving=True)[0] == [(3, 1), (8, 1)]
    before = {"best": 4.0, "best_weights": None, "bad_epochs": 1, "decays": 2}
    schedule = PlateauHalving(since_halving=True)
    schedule.load_state_dict(before)  # as of a checkpoint from before there was the option
    assert schedule.best_since == 4.0 and schedule.decays == 2


@pytest.mark.parametrize(
    "objective", [BetaELBO(0.4), Lagrangian(rate=0.0), Lagrangian(rate=900.0)]
)
def test_a_model_is_chosen_by_its_bound_and_its_rate(tmp_path: Path, objective: Objective) -> None:
    """What the divergence lacks to the rate is no gain; without a rate it is the bound itself."""
    module = make()
    module.objective = objective
    run = trainer(tmp_path, max_epochs=1)
    run.fit(module, loader(), validation())
    found = run.callback_metrics

    missed = max(0.0, (objective.rate or 0.0) - found["valid_kl"].item())
    assert (missed > 800) == (objective.rate == 900)
    assert found["valid_loss"] == pytest.approx(found["valid_nll_elbo"].item() + missed)


def test_batch_norm_is_calibrated_before_validation(tmp_path: Path) -> None:
    """What evaluation normalises by are the moments of the features of the examples."""
    module, data = make(posterior=BatchNormPosterior(8, 4)), loader()
    trainer(tmp_path, max_epochs=1).fit(module, data, validation())
    vae = module.vae.eval()
    with torch.no_grad():
        means = [vae.posterior.project_loc(vae.features(b)) for b in data.examples(2000)]
    norm = vae.posterior.norm.norm

    assert sum(len(part) for part in means) == 80
    torch.testing.assert_close(norm.running_mean, torch.cat(means).mean(dim=0))
    torch.testing.assert_close(norm.running_var, torch.cat(means).var(dim=0))


@pytest.mark.parametrize("name", ["batch_norm", "batch_norm_scaled"])
def test_the_shipped_presets_keep_their_floor(tmp_path: Path, name: str) -> None:
    """At every step the divergence is at least 99 % of its floor, at full warm-up's mercy."""
    described = yaml.safe_load((CONFIGS / "posterior" / f"{name}.yaml").read_text())
    cls = getattr(posteriors, described["class_path"].rpartition(".")[2])
    posterior = cls(8, **described.get("init_args") or {})
    recorder = Recorder()
    module = make(posterior=posterior, lr=0.02)
    trainer(tmp_path, max_epochs=10, callbacks=[recorder]).fit(module, loader())

    assert posterior.kl_floor > 5
    assert min(logged["kl"] for logged in recorder.logged) >= 0.99 * posterior.kl_floor


@pytest.mark.parametrize(
    "options", [[], ["--config", "ptb_bn"], ["--posterior", "batch_norm_scaled"]]
)
def test_a_shipped_run_keeps_its_floor(
    tmp_path: Path, cache: Path, write: Callable[..., str], options: list[str]
) -> None:
    """The same of a whole run at its size, with its initialisation, objective and optimiser."""
    text = ["--text", write("a.txt", [f"the {a} sees the {b} ." for a in LINES for b in "xyz"])]
    parts = instantiate(parse([*text, *options, "--data.tokenizer", "WordTokenizer"]).config)
    given = parts.pop("trainer")
    kept = {name: given[name] for name in ("precision", "gradient_clip_val")}
    pl.seed_everything(0)
    module, recorder = build(**parts), Recorder()
    run = trainer(tmp_path, max_epochs=1, max_steps=12, callbacks=[recorder], **kept)
    run.fit(module, parts["data"].train_dataloader())

    assert len(recorder.logged) == 12 and module.vae.posterior.kl_floor > 5
    for logged in recorder.logged:
        assert logged["kl"] >= 0.99 * module.vae.posterior.kl_floor


def test_cosine_restarts(tmp_path: Path) -> None:
    recorder = Recorder()
    module = make(lr_schedule=CosineRestarts(period=3))
    trainer(tmp_path, callbacks=[recorder], max_epochs=5).fit(module, loader())

    rates = [logged["lr"] / 0.01 for logged in recorder.logged]
    assert rates[:: len(loader())] == pytest.approx([1, 0.75, 0.25, 1, 0.75])
    assert rates[1 :: len(loader())] == rates[:: len(loader())]  # epoch by epoch
    with pytest.raises(ValueError, match="'period' must be at least 1, got 0"):
        CosineRestarts(0)


def test_constant_rate(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer(tmp_path, callbacks=[recorder]).fit(make(lr_schedule=ConstantRate()), loader())

    assert {logged["lr"] for logged in recorder.logged} == {0.01}


class Spoil(pl.Callback):
    """Makes a weight infinite after a batch: the loss has been finite so far."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        if pl_module.batches_seen == 20:
            pl_module.vae.decoder.to_logits.weight.data.fill_(torch.inf)


def test_validation_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    saver = pl.callbacks.ModelCheckpoint(tmp_path, "last", every_n_epochs=1)
    run = trainer(tmp_path, callbacks=[Spoil(), saver], enable_checkpointing=True)
    with pytest.raises(TrainingError, match="validation loss is nan in epoch 1, batch 20"):
        run.fit(make(), loader(), validation())
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)

    assert kept["batches_seen"] == 10
    assert all(value.isfinite().all() for value in kept["state_dict"].values())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_names_the_place(tmp_path: Path, value: float) -> None:
    module = make(lr_schedule=ConstantRate())
    with torch.no_grad():
        module.vae.posterior.project.bias[0] = value
    with pytest.raises(TrainingError, match=r"epoch 0, batch 0, optimiser step 0, at .* 0\.01"):
        trainer(tmp_path).fit(module, loader())
