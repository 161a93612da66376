"""Several processes train as one does with the same batches, and end together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributions import Normal

from textvae.data import GrammarData
from textvae.data.batching import (
    BatchPlan,
    OrderedLoader,
    SentenceLoader,
    collate,
    length_batches,
)
from textvae.decoders import GRUDecoder
from textvae.encoders import GRUEncoder
from textvae.nn.distributed import (
    all_mean,
    all_sum,
    gather,
    gather_objects,
    gather_rows,
    rank,
    world_size,
)
from textvae.objectives import BetaELBO, Objective
from textvae.posteriors import (
    BatchNormPosterior,
    BatchNormScaledPosterior,
    GaussianPosterior,
    Posterior,
    VonMisesFisherPosterior,
)
from textvae.training import Aggressive, ConstantRate, Joint, LitTextVAE, Update
from textvae.training.callbacks import CollapseDoctor
from textvae.training.examination import Examination, evenly_spread, examine
from textvae.training.sharing import share_terms
from textvae.types import Batch, Terms
from textvae.vae import SentenceVAE

from .conditional import LABELLED, conditional_vae
from .helpers import leaves, quiet_trainer
from .processes import in_processes
from .tiny import SENTENCES, TEXTS, VOCAB, report, text_vae

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="torch without processes")


@pytest.fixture
def foreseen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Draws that follow from what is drawn from, so that they are the same in all processes."""

    def rsample(self: Normal, sample_shape: tuple[int, ...] = ()) -> Tensor:
        number = torch.arange(1, 1 + (sample_shape[0] if sample_shape else 1)).to(self.loc)
        noise = torch.sin(50 * self.loc.detach() + number.view(-1, *[1] * self.loc.dim()))
        return self.loc + self.scale * (noise if sample_shape else noise[0])

    def sample(self: Normal, sample_shape: tuple[int, ...] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        row = torch.sin(torch.arange(shape.numel(), dtype=self.loc.dtype)).view(shape)
        return self.loc + self.scale * row

    monkeypatch.setattr(Normal, "rsample", rsample)
    monkeypatch.setattr(Normal, "sample", sample)


# What processes tell each other


def exchange() -> dict[str, Any]:
    x = torch.arange(3.0 + rank()).requires_grad_() + 10 * rank()  # 3 and 4 rows
    total = all_sum(x[:2].square())
    whole, pairs = gather_rows([x, torch.stack([x, x], dim=1).double()])
    gradient = torch.autograd.grad((total * torch.tensor([1.0, 2.0])).sum(), x)[0]
    return {
        "mean": all_mean(torch.tensor(float(rank()))),
        "gathered": gather(x),
        "empty": gather(torch.zeros(rank(), 0)).shape,
        "rows": whole,
        "pairs": pairs,
        "own": torch.autograd.grad((whole * torch.arange(7.0)).sum(), x)[0],
        "total": total.detach(),
        "gradient": gradient,
        "objects": gather_objects({"rank": rank()}),
    }


def test_processes_tell_each_other_everything(tmp_path: Path) -> None:
    rows = torch.tensor([0.0, 1, 2, 10, 11, 12, 13])
    for number, found in enumerate(in_processes(exchange, tmp_path / "exchange")):
        assert found["mean"] == 0.5
        assert torch.equal(found["gathered"], rows) and torch.equal(found["rows"].detach(), rows)
        assert found["pairs"].shape == (7, 2) and found["pairs"].dtype == torch.double
        assert found["empty"] == (1, 0)
        assert found["objects"] == [{"rank": 0}, {"rank": 1}]
        # A sum of squares, whose gradient comes from the losses of both.
        assert found["total"].tolist() == [0.0 + 100, 1.0 + 121]
        x = rows[:2] + 10 * number
        assert torch.equal(found["gradient"][:2], 2 * 2 * x * torch.tensor([1.0, 2.0]))
        assert found["own"].tolist() == [[0, 1, 2], [3, 4, 5, 6]][number]


# Gradients


def model(posterior: Posterior, latent_dim: int) -> SentenceVAE:
    prior = posterior.prior_cls(latent_dim)
    dropout = {"input_dropout": 0.0, "output_dropout": 0.0}
    decoder = GRUDecoder(VOCAB, latent_dim, 5, 6, **dropout)
    return SentenceVAE(GRUEncoder(VOCAB, 5, 6), posterior, prior, decoder).double()


def gradients() -> dict[str, list[Tensor]]:
    """Those of a batch of seven sentences, of which a process has its share."""
    found = {}
    kinds = [GaussianPosterior, BatchNormPosterior, BatchNormScaledPosterior]
    cases = [(kind, BetaELBO()) for kind in kinds]
    cases += [(BatchNormPosterior, cls()) for cls in leaves(Objective)]
    for kind, objective in cases:
        torch.manual_seed(0)
        vae = model(kind(6, latent_dim=3), 3)
        index = list(range(rank(), 7, world_size()))
        batch = collate([SENTENCES[i] for i in index], index)
        terms = share_terms(vae(batch, objective.num_samples, objective.stop_score))
        loss = objective(terms, 3)
        loss.backward()
        sums = [all_sum(p.grad) for p in vae.parameters() if p.grad is not None]
        buffers = [buffer.double() for buffer in vae.buffers()]
        found[f"{kind.__name__} {type(objective).__name__}"] = [loss.detach(), *sums, *buffers]
    return found


def test_gradients_are_those_of_one_process(tmp_path: Path, foreseen: None) -> None:
    """Of every objective, whatever it makes of a batch, and through batch normalisation."""
    alone = gradients()
    for together in in_processes(gradients, tmp_path / "gradients"):
        assert together.keys() == alone.keys()
        for name, values in alone.items():
            for value, other in zip(values, together[name], strict=True):
                torch.testing.assert_close(other, value, atol=1e-9, rtol=1e-6)


def told() -> list[Tensor]:
    """The loss and the gradients of a model in which each label has a prior of its own."""
    vae = conditional_vae(2, own_prior=True).eval()
    index = list(range(rank(), 7, world_size()))
    batch = collate([LABELLED[i] for i in index], index)
    terms = share_terms(vae(batch))
    torch.testing.assert_close(terms.p.log_prob(terms.z), terms.log_pz)
    loss = BetaELBO()(terms, 0) + terms.p.variance.sum()
    loss.backward()
    return [loss.detach(), *(all_sum(p.grad) for p in vae.parameters())]


def test_the_priors_of_labels_are_shared(tmp_path: Path, foreseen: None) -> None:
    for together in in_processes(told, tmp_path / "told"):
        for value, other in zip(told(), together, strict=True):
            torch.testing.assert_close(other, value, atol=1e-9, rtol=1e-6)


def spread() -> Tensor:
    """The gradient of a concentration that all sentences share, where the loss looks at it."""
    torch.manual_seed(0)
    vae = model(VonMisesFisherPosterior(6, latent_dim=3, scope="global"), 3)
    index = list(range(rank(), 7, world_size()))
    terms = share_terms(vae(collate([SENTENCES[i] for i in index], index)))
    terms.q.entropy().mean().backward()
    return all_sum(vae.posterior.concentration.free.grad)


def test_what_sentences_share_counts_once(tmp_path: Path) -> None:
    for together in in_processes(spread, tmp_path / "spread"):
        torch.testing.assert_close(together, spread())


def shared_posteriors() -> list[Terms]:
    found = []
    for kind in leaves(Posterior):
        torch.manual_seed(rank())
        vae = model(kind(6, latent_dim=3), 3)
        index = list(range(rank(), 7, world_size()))
        terms = share_terms(vae(collate([SENTENCES[i] for i in index], index)))
        density = terms.q.log_prob(terms.z)
        torch.testing.assert_close(density, terms.log_qz_x)
        found.append((kind.__name__, terms.q.batch_shape))
    return found


def test_the_posterior_of_a_shared_batch_is_whole(tmp_path: Path) -> None:
    for found in in_processes(shared_posteriors, tmp_path / "posteriors"):
        assert len(found) == len(leaves(Posterior))
        assert {shape for _, shape in found} == {(7,)}


# Training


class Data(pl.LightningDataModule):
    """Sentences that fill neither the last training batch nor the last validation batch."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        lengths = torch.randint(1, 6, (37,), generator=generator).tolist()
        self.sentences = [
            torch.randint(4, VOCAB, (length,), generator=generator).tolist() for length in lengths
        ]

    def train_dataloader(self) -> SentenceLoader:
        lengths = [len(sentence) for sentence in self.sentences]
        plan = BatchPlan(lengths, max_sentences=8, rank=rank(), world_size=world_size())
        return SentenceLoader(self.sentences, plan)

    def val_dataloader(self) -> OrderedLoader:
        held = self.sentences[:13]
        batches = length_batches([len(sentence) for sentence in held], max_sentences=5)
        return OrderedLoader(held, batches[rank() :: world_size()])


def trained(folder: Path) -> dict[str, Any]:
    return {type(update).__name__: run(update, folder) for update in (Joint(), Aggressive(2, 4))}


def fit(
    module: LitTextVAE, folder: Path, data: pl.LightningDataModule, **options: Any
) -> pl.Trainer:
    strategy = "ddp_find_unused_parameters_true" if world_size() > 1 else "auto"
    fixed = {"devices": world_size(), "strategy": strategy, "max_epochs": 2}
    trainer = quiet_trainer(folder, **fixed, **options)
    trainer.fit(module, datamodule=data)
    return trainer


def run(update: Update, folder: Path) -> dict[str, Any]:
    torch.manual_seed(0)
    vae = model(BatchNormPosterior(6, latent_dim=3), 3)
    module = LitTextVAE(
        vae, BetaELBO(), update, lambda p: torch.optim.SGD(p, lr=0.1), ConstantRate()
    )
    doctor = CollapseDoctor(num_sentences=9)
    trainer = fit(module, folder, Data(), gradient_clip_val=1.0, callbacks=[doctor])
    metrics = {k: v.item() for k, v in trainer.callback_metrics.items()}
    return {
        "weights": {name: value.double() for name, value in vae.state_dict().items()},
        "metrics": {k: v for k, v in metrics.items() if "second" not in k},
        "steps": trainer.global_step,
        "seed": torch.initial_seed(),
        "tokens": int(module.tokens_seen),
    }


def test_training_is_that_of_one_process(tmp_path: Path, foreseen: None) -> None:
    """Batch normalisation, its calibration, clipping, validation, both kinds of update."""
    alone = trained(tmp_path)
    assert {"valid_mi", "valid_au", "valid_z_gain"} <= alone["Joint"]["metrics"].keys()
    found = in_processes(trained, tmp_path / "trained", tmp_path)
    assert len({one["Joint"]["seed"] for one in (alone, *found)}) == 3  # each drops other words
    for together in found:
        for name, one in alone.items():
            torch.testing.assert_close(
                together[name]["weights"], one["weights"], rtol=1e-6, atol=1e-9
            )
            assert together[name]["metrics"] == pytest.approx(one["metrics"], rel=1e-6)
            assert together[name]["steps"] == one["steps"]
            assert together[name]["tokens"] == one["tokens"]


class Reloaded(pl.Callback):
    """Keeps which sentences this process has of each batch."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: LitTextVAE, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        self.seen.append(batch.index.tolist())


def reloaded(folder: Path) -> list[list[int]]:
    """Training whose loader is made anew for each epoch."""
    torch.manual_seed(0)
    data = GrammarData(40, 8, 8, batch_size=8)
    data.prepare()
    vae = SentenceVAE(None, None, None, GRUDecoder(data.vocab_size, 0, 5, 6))
    module = LitTextVAE(
        vae, BetaELBO(), Joint(), lambda p: torch.optim.SGD(p, lr=0.1), ConstantRate()
    )
    seen = Reloaded()
    again = {"reload_dataloaders_every_n_epochs": 1, "callbacks": [seen]}
    fit(module, folder, data, **again)
    return seen.seen


def test_a_loader_that_is_made_anew_shares_batches_still(tmp_path: Path, cache: Path) -> None:
    alone = reloaded(tmp_path)
    first, second = in_processes(reloaded, tmp_path / "reloaded", tmp_path)

    assert len(alone) == 10 and sorted(sum(alone[5:], [])) == [*range(40)]
    for whole, one, other in zip(alone, first, second, strict=True):
        assert one == whole[::2] and other == whole[1::2]


def examined(sentences: int) -> tuple[Examination, dict[str, Any]]:
    """What a collapse doctor finds, whose numbers are real draws."""
    torch.manual_seed(0)
    vae = model(GaussianPosterior(6, latent_dim=3), 3).eval()
    held = Data().sentences[:sentences]
    batches = length_batches([len(sentence) for sentence in held], max_sentences=4)
    loader = OrderedLoader(held, batches[rank() :: world_size()])
    return examine(vae, evenly_spread(loader, 9)), CollapseDoctor(9).verdict(vae, loader)


@pytest.mark.parametrize("sentences", [37, 5])
def test_all_processes_examine_the_same_sentences(tmp_path: Path, sentences: int) -> None:
    """Even where one of them has a single sentence to itself."""
    alone = examined(sentences)
    assert alone[0].mi != 0
    assert in_processes(examined, tmp_path / "examined", sentences) == [alone, alone]


# Evaluation


def evaluated() -> dict[str, Any]:
    found = {}
    for kind in (GaussianPosterior, VonMisesFisherPosterior):
        torch.manual_seed(0)
        vae = text_vae(kind, latent_dim=3)
        for max_tokens in (None, 40):  # one batch for two processes, and many
            found[f"{kind.__name__} {max_tokens}"] = report(
                vae, samples=20, max_tokens=max_tokens
            ).to_dict()
    return found


def test_evaluation_has_the_numbers_of_one_process(tmp_path: Path) -> None:
    alone = evaluated()
    for together in in_processes(evaluated, tmp_path / "evaluated", count=3):
        for name, one in alone.items():
            other = together[name]
            assert other["protocol"] == one["protocol"]
            assert one["protocol"]["sentences"] == len(TEXTS)
            for key, value in one.items():
                if key != "protocol" and value is not None:
                    assert other[key] == pytest.approx(value, rel=1e-9), (name, key)
