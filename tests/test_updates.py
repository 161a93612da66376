"""Updates: against loops written by hand, and under every option of the trainer."""

import copy
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader

from textvae.data.batching import BatchPlan, SentenceLoader, collate
from textvae.decoders import GRUDecoder
from textvae.encoders import GRUEncoder
from textvae.errors import UsageError
from textvae.objectives import BetaELBO, FreeBits, Objective
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.schedules import Cyclical, Linear, Schedule, Sigmoid
from textvae.training import (
    Aggressive,
    ConstantRate,
    Joint,
    LitTextVAE,
    PlateauHalving,
    Pretraining,
    Update,
)
from textvae.training.callbacks import CollapseDoctor, Throughput
from textvae.types import Batch
from textvae.vae import SentenceVAE

from .helpers import leaves, quiet_trainer

VOCAB = 12
WINDOW, MAX_STEPS, CLIP = 3, 9, 0.5


def sentences() -> list[list[int]]:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 7, (40,), generator=generator).tolist()
    return [torch.randint(4, VOCAB, (n,), generator=generator).tolist() for n in lengths]


def loader() -> SentenceLoader:
    return SentenceLoader(
        sentences(), BatchPlan([len(s) for s in sentences()], max_sentences=8, seed=3)
    )


def validation() -> list[Batch]:
    return [collate(sentences()[i : i + 10], range(i, i + 10)) for i in (0, 10, 20)]


def small(cls: type[Update]) -> Update:
    """An update that has to do with a tiny corpus."""
    arguments = {Aggressive: (WINDOW, MAX_STEPS), Pretraining: ("1ep",)}
    return cls(*arguments.get(cls, ()))


def make(
    update: Update,
    optimizer: Callable[..., Optimizer] = SGD,
    objective: Objective | None = None,
    lr: float = 0.3,
) -> LitTextVAE:
    torch.manual_seed(0)
    vae = SentenceVAE(
        GRUEncoder(VOCAB, 6, 8, dropout=0.2),
        GaussianPosterior(8, 3),
        StandardNormal(3),
        GRUDecoder(VOCAB, 3, 6, 8),
    ).double()
    objective = objective or BetaELBO(Linear(length="2ep"))
    return LitTextVAE(
        vae, objective, update, lambda params: optimizer(params, lr=lr), ConstantRate()
    )


def fit(module: LitTextVAE, folder: Path, ckpt: Path | None = None, **options: Any) -> pl.Trainer:
    options = {"max_epochs": 4, "gradient_clip_val": CLIP, "num_sanity_val_steps": 0, **options}
    saves = any(isinstance(c, pl.callbacks.ModelCheckpoint) for c in options.get("callbacks", []))
    trainer = quiet_trainer(folder, enable_checkpointing=saves, **options)
    torch.manual_seed(1)
    held_out = DataLoader(validation(), batch_size=None, generator=torch.Generator())
    trainer.fit(module, loader(), held_out, ckpt_path=ckpt, weights_only=True)
    return trainer


def by_hand(
    vae: SentenceVAE, optimizer: Callable[..., Optimizer], lr: float
) -> tuple[list[bool], list[int]]:
    """Aggressive training as the paper's algorithm has it, with an optimiser for each half.

    Returns whether each epoch was aggressive, and the encoder's steps of each batch.
    """
    inference = [*vae.encoder.parameters(), *vae.posterior.parameters()]
    of_encoder, of_decoder = (
        optimizer(params, lr=lr) for params in (inference, [*vae.decoder.parameters()])
    )
    torch.manual_seed(1)
    data, seen, aggressive, information = loader(), 0, True, -math.inf
    flags, counts = [], []
    for epoch in range(4):
        flags.append(aggressive)
        data.set_epoch(epoch)
        for batch in data:
            weight = min(1.0, seen / (2 * len(data)))

            def loss_of(some: Batch, weight: float = weight) -> Tensor:
                vae.zero_grad()
                q = vae.posterior(vae.encoder(some.source, some.source_mask))
                z = q.rsample((1,))
                log_px_z = vae.decoder.log_prob(some.target, some.target_mask, z)[0]
                mean, std = q.mean, q.stddev
                kl = 0.5 * (mean**2 + std**2 - 1 - 2 * std.log()).sum(dim=1)
                loss = (weight * kl - log_px_z).mean()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(vae.parameters(), CLIP)
                return loss.detach()

            current, others, steps = batch, data.draws(seen), 0
            last, total, words = 1e4, 0.0, 0
            while aggressive and steps < MAX_STEPS:
                total += loss_of(current).item() * len(current)
                words += int(current.target_mask.sum())
                of_encoder.step()
                current, steps = next(others), steps + 1
                if steps % WINDOW == 0:
                    if total / words > last:
                        break
                    last, total, words = total / words, 0.0, 0
            counts.append(steps)
            loss_of(batch)
            if not aggressive:
                of_encoder.step()
            of_decoder.step()
            seen += 1
        now = validation_information(vae.eval())
        vae.train()
        aggressive, information = aggressive and now >= information, now
    return flags, counts


@torch.no_grad()
def validation_information(vae: SentenceVAE) -> float:
    """Within batches, by the densities of a Gaussian written out."""
    total = 0.0
    for i, batch in enumerate(validation()):
        q = vae.posterior(vae.encoder(batch.source, batch.source_mask))
        with torch.random.fork_rng([]):
            torch.manual_seed(i)
            z = q.rsample((1,))[0]
        d = (z[:, None] - q.mean) / q.stddev  # (B, B, D)
        log_q = (-0.5 * d**2 - q.stddev.log() - 0.5 * math.log(2 * math.pi)).sum(dim=-1)
        mixed = log_q.exp().mean(dim=1).log()
        total += (log_q.diagonal() - mixed).sum().item()
    return total / sum(map(len, validation()))


class Count(pl.Callback):
    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.logged.append({k: v.item() for k, v in trainer.callback_metrics.items()})

    def of(self, name: str) -> list[float]:
        return [logged[name] for logged in self.logged]


@pytest.mark.parametrize(("optimizer", "lr"), [(SGD, 0.3), (Adam, 0.01)])
def test_aggressive_equals_a_loop_by_hand(
    tmp_path: Path, optimizer: Callable[..., Optimizer], lr: float
) -> None:
    module, count = make(Aggressive(WINDOW, MAX_STEPS), optimizer, lr=lr), Count()
    vae = copy.deepcopy(module.vae)
    trainer = fit(module, tmp_path, callbacks=[count])
    flags, steps = by_hand(vae, optimizer, lr)

    assert flags[0] and not flags[-1]  # both kinds of training took place
    assert count.of("encoder_steps") == steps
    assert {s for s in steps if s} <= {6, 9} and len(set(steps)) == 3
    assert trainer.global_step == module.batches_seen == len(steps) == 4 * len(loader())
    for (name, a), b in zip(module.vae.named_parameters(), vae.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9, msg=name)


@pytest.mark.parametrize("cls", leaves(Update))
@pytest.mark.parametrize("objective", leaves(Objective))
def test_every_update_goes_with_every_objective(
    tmp_path: Path, cls: type[Update], objective: type[Objective]
) -> None:
    """The schedules are the same, all parameters move, and all gradients are finite."""
    module, count, gradients = make(small(cls), objective=objective()), Count(), Gradients()
    if "beta" in inspect.signature(objective).parameters:
        module.objective = objective(beta=Linear(length="2ep", start=0.1))
    before = copy.deepcopy(dict(module.vae.named_parameters()))
    trainer = fit(module, tmp_path, max_epochs=3, callbacks=[count, gradients])

    assert trainer.global_step == module.batches_seen == len(count.logged) == 3 * len(loader())
    assert gradients.finite
    for name, schedule in module.objective.schedules().items():
        assert count.of(name) == pytest.approx([schedule(i) for i in range(len(count.logged))])
    for name, parameter in module.vae.named_parameters():
        assert parameter.isfinite().all() and not torch.equal(parameter, before[name]), name


class Gradients(pl.Callback):
    """Looks at the gradients of each step: are they finite, and what is the norm of all?"""

    def __init__(self) -> None:
        self.finite = True
        self.norms: list[float] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: LitTextVAE) -> None:
        trainer.optimizers[0].register_step_post_hook(self.look)

    def look(self, optimizer: Optimizer, *_: Any) -> None:
        found = [p.grad for p in optimizer.param_groups[0]["params"] if p.grad is not None]
        self.finite &= all(bool(grad.isfinite().all()) for grad in found)
        self.norms.append(float(torch.stack([grad.norm() for grad in found]).norm()))


@pytest.mark.parametrize("cls", [cls for cls in leaves(Update) if cls.manual])
def test_gradients_are_clipped_where_an_update_steps_by_itself(
    tmp_path: Path, cls: type[Update]
) -> None:
    module, gradients = make(small(cls)), Gradients()
    fit(module, tmp_path, max_epochs=1, gradient_clip_val=0.01, callbacks=[gradients])

    assert len(gradients.norms) > len(loader())
    assert 0 < max(gradients.norms) <= 0.01 + 1e-9
    with pytest.raises(UsageError, match="accumulate_grad_batches: Aggressive steps at every bat"):
        fit(make(small(cls)), tmp_path, accumulate_grad_batches=2)


class Cut(pl.Callback):
    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: LitTextVAE, *_: Any) -> None:
        if pl_module.batches_seen == self.batch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("cls", [cls for cls in leaves(Update) if cls is not Joint])
@pytest.mark.parametrize("cut", [3, 5, 13])
def test_resume_is_bitwise(tmp_path: Path, cls: type[Update], cut: int) -> None:
    """Cut within an epoch, at its end, and after what the update does first is over."""
    whole = make(small(cls), Adam, lr=0.01)
    fit(whole, tmp_path)

    # At the end of an epoch, a run saves after validation, which an update may learn from.
    when = {"every_n_train_steps": cut} if cut % len(loader()) else {"every_n_epochs": 1}
    saver = pl.callbacks.ModelCheckpoint(tmp_path, "cut", save_top_k=1, **when)
    with pytest.raises(SystemExit):
        fit(make(small(cls), Adam, lr=0.01), tmp_path, callbacks=[saver, Cut(cut)])
    rest = make(small(cls), Adam, lr=0.01)
    torch.manual_seed(99)
    fit(rest, tmp_path, tmp_path / "cut.ckpt")

    assert rest.batches_seen == whole.batches_seen
    assert int(rest.tokens_seen) == int(whole.tokens_seen)
    assert all(map(torch.equal, rest.parameters(), whole.parameters()))


@pytest.mark.parametrize("cls", leaves(Update))
def test_a_look_at_validation_comes_before_the_first_batch(
    tmp_path: Path, cls: type[Update]
) -> None:
    """As Lightning does unless told otherwise, when no schedule knows its length yet."""
    module = make(Pretraining("25%") if cls is Pretraining else small(cls))
    fit(module, tmp_path, num_sanity_val_steps=2, callbacks=[CollapseDoctor()], max_epochs=2)

    assert module.batches_seen == 2 * len(loader())


def test_tokens_of_all_steps_are_counted(tmp_path: Path) -> None:
    tokens = sum(len(sentence) + 1 for sentence in sentences())
    plain, count = make(Joint()), Count()
    fit(plain, tmp_path, max_epochs=1, callbacks=[Throughput(), count])
    assert int(plain.tokens_seen) == tokens == count.logged[-1]["tokens_seen"]

    aggressive = make(small(Aggressive))
    fit(aggressive, tmp_path, max_epochs=1)
    assert 3 * tokens < int(aggressive.tokens_seen) < 20 * tokens


def test_aggressive_trains_in_half_precision(tmp_path: Path) -> None:
    module, count = make(small(Aggressive)), Count()
    module.float()
    fit(module, tmp_path, precision="bf16-mixed", max_epochs=3, callbacks=[count])

    losses = count.of("loss")
    assert all(map(math.isfinite, losses)) and losses[-1] < losses[0]


def test_aggressive_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'window' must be at least 1 .* got 9 and 3"):
        Aggressive(window=9, max_steps=3)
    module = make(Aggressive())
    module.vae = SentenceVAE(None, None, None, GRUDecoder(VOCAB, 0, 6, 8))
    with pytest.raises(UsageError, match="a language model has no encoder to move; take Joint"):
        fit(module, tmp_path)


def two_stages_by_hand(vae: SentenceVAE, optimizer: Callable[..., Optimizer], lr: float) -> None:
    """Seven batches of an auto-encoder; then free bits of 0.6 nats in 3 dimensions, warmed up."""
    torch.manual_seed(1)
    data, seen = loader(), 0
    inference = [*vae.encoder.parameters(), *vae.posterior.parameters()]
    optimizers = [optimizer(inference, lr=lr), optimizer(vae.decoder.parameters(), lr=lr)]
    for epoch in range(4):
        data.set_epoch(epoch)
        for batch in data:
            if seen == 7:
                vae.decoder = GRUDecoder(VOCAB, 3, 6, 8).double()
                optimizers[1] = optimizer(vae.decoder.parameters(), lr=lr)
            vae.zero_grad()
            q = vae.posterior(vae.encoder(batch.source, batch.source_mask))
            z = q.rsample((1,))
            loss = -vae.decoder.log_prob(batch.target, batch.target_mask, z)[0]
            if seen >= 7:
                std = q.stddev
                kl = 0.5 * (q.mean**2 + std**2 - 1 - 2 * std.log())  # (B, D)
                paid = torch.where(kl > 0.2, kl, 0.2).sum(dim=1)
                loss = loss + min(1.0, (seen - 7) / 6) * paid
            loss.mean().backward()
            torch.nn.utils.clip_grad_norm_(vae.parameters(), CLIP)
            for part in optimizers:
                part.step()
            seen += 1


@pytest.mark.parametrize(("optimizer", "lr"), [(SGD, 0.3), (Adam, 0.01)])
def test_pretraining_and_free_bits_equal_two_stages_by_hand(
    tmp_path: Path, optimizer: Callable[..., Optimizer], lr: float
) -> None:
    objective = FreeBits(0.6, per="dimension", beta=Linear(length=6, delay=7))
    module = make(Pretraining(7), optimizer, objective, lr)
    vae = copy.deepcopy(module.vae)
    fit(module, tmp_path)
    two_stages_by_hand(vae, optimizer, lr)

    for (name, a), b in zip(module.vae.named_parameters(), vae.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9, msg=name)


class Scripted(pl.Callback):
    """Puts a known value in the place of a validation metric."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: LitTextVAE) -> None:
        values = [1.0, 2.0, 3.0, 9.0, 8.0, 8.5, 8.6]  # an auto-encoder's bound, then a better one
        pl_module.log("scripted", torch.tensor(values[trainer.current_epoch]))


def test_what_watches_validation_begins_with_the_new_decoder(tmp_path: Path) -> None:
    stop = pl.callbacks.EarlyStopping("scripted", patience=2)
    best = pl.callbacks.ModelCheckpoint(
        tmp_path, "best", monitor="scripted", enable_version_counter=False
    )
    module = make(Pretraining("3ep"))
    module.lr_schedule = PlateauHalving("scripted", patience=1, start_epoch=0)
    trainer = fit(module, tmp_path, max_epochs=9, callbacks=[Scripted(), stop, best])

    assert trainer.current_epoch == 7  # two after the best, and not two after the first
    assert best.best_model_score == 8.0 and len(list(tmp_path.glob("*.ckpt"))) == 1
    assert module.lr_schedule.decays == 2 and module.lr_schedule.best == 8.0


def test_a_weight_that_rises_during_pretraining_is_remarked_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for schedule, mend in (
        (Linear(length="1ep"), "--objective.beta.delay 2ep mends it"),
        (Linear(length="1ep", delay="2ep"), None),
        (Sigmoid(middle=1, width=1), "let it rise later, by --objective.beta.middle"),
    ):
        objective = BetaELBO(schedule)
        fit(make(Pretraining("2ep"), objective=objective), tmp_path, max_epochs=4)
        said = capfd.readouterr().err
        assert ("objective.beta has risen before pre-training ends" in said) == bool(mend)
        assert (mend or "") in said


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        (Linear(length="1ep"), 2),
        (Linear(length="4ep"), 4),
        (Cyclical("25%", rise=0.5), 7),  # of 8: not in the flat part of a cycle before the last
        (Cyclical("2ep", rise=0.5, cycles=2), 3),
        (Cyclical("4ep", rise=1.0), 8),
    ],
)
def test_early_stopping_waits_for_the_weight_of_the_divergence(
    tmp_path: Path, schedule: Schedule, last: int
) -> None:
    """The first epoch is the best. What comes while the weight is on its way does not count."""
    stop = pl.callbacks.EarlyStopping("scripted", patience=1)
    module = make(Joint(), objective=BetaELBO(schedule))
    trainer = fit(module, tmp_path, max_epochs=8, callbacks=[Rising(), stop])
    assert trainer.current_epoch == last


class Rising(pl.Callback):
    """A validation metric that gets worse and worse."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: LitTextVAE) -> None:
        pl_module.log("scripted", torch.tensor(float(trainer.current_epoch)))


def test_pretraining_leaves_time_for_the_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pre-training takes 4ep, which is the whole training"):
        fit(make(Pretraining("4ep")), tmp_path)
    with pytest.raises(UsageError, match="'25%' needs 'all_batches'.* set --trainer.max_epochs"):
        fit(make(Pretraining("25%")), tmp_path, max_epochs=-1, max_time={"minutes": 1})
    with pytest.raises(ValueError, match="'length' must be positive"):
        Pretraining(0)
    kept = make(Pretraining(3, reset_decoder=False), objective=BetaELBO(0.0))
    plain = make(Joint(), objective=BetaELBO(0.0))
    for module in (kept, plain):
        fit(module, tmp_path, max_epochs=1)
    assert all(map(torch.equal, kept.parameters(), plain.parameters()))
