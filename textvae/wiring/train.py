"""A whole training run: from a configuration to a folder with a model and its report."""

__all__ = ["fit_prior", "train"]

import errno
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from jsonargparse import Namespace
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from ..api import TextVAE
from ..console import Percentage, note
from ..data import SentenceData
from ..errors import TrainingError, UsageError
from ..metrics import Evaluation
from ..metrics.likelihood import Scorer
from ..metrics.probe import probe
from ..priors import Prior
from ..runs import Run, held, unwritable, write_text
from ..training import LitTextVAE
from ..training.callbacks import CollapseDoctor, Throughput
from ..vae import SentenceVAE
from .build import build
from .checkpoints import read_checkpoint
from .combinations import check_combination
from .fingerprint import check_text, keep_text
from .parser import dump, instantiate
from .processes import end_children, is_first, one_voice
from .report import write_report
from .show import show
from .trainer import make_trainer

FITTED = 100_000
"""The most training sentences that a prior is fitted to."""


def train(config: Namespace, run: Run, resume: bool = False, profile: bool = False) -> Evaluation:
    """Trains, keeps the best model, and evaluates it on the test split.

    Arguments:
        config: What :func:`parse` returns.
        run: The folder; it must not exist unless it is resumed.
        resume: Whether to continue from the last checkpoint of the run.
        profile: Whether to write a trace of some batches and say where their time goes.

    Raises:
        UsageError: If something is wrong with the configuration, the text, or the folder.
        TrainingError: If the loss is not a finite number.
        Interrupted: After Ctrl-C or SIGTERM, when a checkpoint is written.
    """
    quieten()
    with ExitStack() as end, one_voice():
        return run_through(config, run, resume, profile, end)


def run_through(
    config: Namespace, run: Run, resume: bool, profile: bool, end: ExitStack
) -> Evaluation:
    """As :func:`train`, in one process of the run.

    Arguments:
        config: What :func:`parse` returns.
        run: The folder; other processes than the first may take it for another.
        resume: Whether to continue from the last checkpoint of the run.
        profile: Whether to say where the time of some batches goes.
        end: What is still to be done when the run has ended, or failed.
    """
    if is_first() and not resume:
        run.check_unused()
    parts = instantiate(config)
    again = resume and (run.checkpoints / "last.ckpt").is_file()
    if is_first() and again:
        check_text(run, parts["data"], "train anew under another --name", tokens=True)
    data, options, clock = parts["data"], parts.pop("trainer"), Throughput()
    module = prepare(parts, config.seed)
    trainer = make_trainer(options, run, clock, profile)
    data.check_processes(trainer.world_size)
    end.callback(end_children, trainer)
    if is_first():
        begin(config, run, resume, end)
        if not again:
            keep_text(run, data)
    try:
        fit(trainer, module, data, run.checkpoints / "last.ckpt", resume)
    except UsageError:
        if is_first() and not resume and not any(run.checkpoints.glob("*")):
            run.remove()
        raise
    # Only the first process knows a name that was found because it was free.
    run = Run(Path(trainer.strategy.broadcast(str(run.folder))))
    epoch = take_best(module, run)
    fit_prior(module.vae.to(trainer.strategy.root_device).eval(), data)
    best = TextVAE(module.vae, data.tokenizer, data.encoder_tokenizer)
    best.to(trainer.strategy.root_device)
    doctor = next(part for part in trainer.callbacks if isinstance(part, CollapseDoctor))
    return report(best, data, config, run, clock.seconds_before, doctor, epoch)


def prepare(parts: dict[str, Any], seed: int) -> LitTextVAE:
    """Reads the data and builds what learns; says what there is to know of both."""
    data = parts["data"]
    data.prepare()
    pl.seed_everything(seed, verbose=False)
    module = build(**parts)
    module.configure_optimizers()  # so that its refusals come before anything is written
    lines = [*data.notes, *floor_of(module.vae), *check_combination(module.vae, module.objective)]
    for line in lines:
        if is_first():
            note(line)
    return module


def floor_of(vae: SentenceVAE) -> list[str]:
    """A line on the divergence that no training goes below, where the posterior has such."""
    learnt = vae.labels is not None and vae.labels.has_prior  # a prior that may come closer
    floor = 0.0 if vae.posterior is None or learnt else vae.posterior.kl_floor
    return [f"posterior: the KL cannot fall below {floor:.2f} nats a sentence"] if floor else []


def begin(config: Namespace, run: Run, resume: bool, end: ExitStack) -> None:
    """Makes the folder of a run, with its configuration; keeps others out of it until the end."""
    if not resume:
        run.create()
    end.enter_context(held(run.folder))
    write_text(run.config, dump(config))


def quieten() -> None:
    """Leaves standard error to our own progress: Lightning's advice is about code, not text."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for module in ("pytorch_lightning", "lightning_fabric"):
        warnings.filterwarnings("ignore", module=module)


def fit(
    trainer: pl.Trainer, module: LitTextVAE, data: SentenceData, last: Path, resume: bool
) -> None:
    """Trains, and says clearly why where that fails.

    Arguments:
        trainer: Lightning's trainer.
        module: What to train.
        data: What to train it on.
        last: The last checkpoint.
        resume: Whether to begin with it, where there is one.

    Raises:
        UsageError: If the checkpoint or an option is wrong, or the disk is full.
        TrainingError: If the loss is not a finite number.
    """
    start = last if resume and last.is_file() else None
    if start is not None:
        read_checkpoint(start)
    with explained(last):
        trainer.fit(module, datamodule=data, ckpt_path=start, weights_only=True)


@contextmanager
def explained(last: Path) -> Iterator[None]:
    """Says what a failure of training means, beside the last checkpoint, and how to mend it."""
    try:
        yield
    except TrainingError as error:
        kept = f" The last good checkpoint is {last}." if last.is_file() else ""
        raise TrainingError(f"{error}{kept}") from error
    except MisconfigurationException as error:
        raise UsageError(f"trainer: {error}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise unwritable(last.parent, error) from error
        raise
    except (RuntimeError, ValueError) as error:
        if "loading state_dict" in str(error) or "parameter group" in str(error):
            raise UsageError(f"{last} is of another model; resume without new options") from error
        if "does not allow for gradient clipping" in str(error):
            raise UsageError(
                "trainer.precision: 16-mixed cannot clip the gradients of a fused optimiser; "
                "take --optimizer.fused false, or bf16-mixed"
            ) from error
        raise
    except SystemExit as error:  # how Lightning ends at a Ctrl-C in the middle of a batch
        raise KeyboardInterrupt from error


def take_best(module: LitTextVAE, run: Run) -> int | None:
    """Gives the model the weights of its best validation, if there was one; returns its epoch."""
    path = run.checkpoints / "best.ckpt"
    if not path.is_file():
        return None
    best = read_checkpoint(path)
    module.load_state_dict(best["state_dict"])
    return best["epoch"] + 1


def fit_prior(vae: SentenceVAE, data: SentenceData) -> None:
    """Tells a prior that learns from them the posteriors of the sentences that were trained on, or
    of every so manyth if they are more than :data:`FITTED`."""
    if vae.prior is None or type(vae.prior).fit is Prior.fit:
        return
    if vae.labels is not None and vae.labels.has_prior:
        return  # each label has its own, which training learns
    sentences, lengths = data.sentences("train"), data.corpus.lengths["train"]
    seen = np.flatnonzero(np.asarray(lengths) <= data.max_length)
    chosen = seen[:: -(-len(seen) // FITTED)].tolist()
    with torch.inference_mode():
        features = Scorer(vae, [sentences[i] for i in chosen]).features()
        vae.prior.fit(vae.posterior(features))


def report(
    vae: TextVAE,
    data: SentenceData,
    config: Namespace,
    run: Run,
    seconds: float,
    doctor: CollapseDoctor,
    epoch: int | None,
) -> Evaluation:
    """Evaluates on the test split; writes the model, report.json and samples.txt."""
    if is_first():
        vae.save(run.model)
    began = time.perf_counter()
    texts, labels = data.texts("test"), vae.wanted(data.labels("test"))
    evaluation = vae.evaluate(
        texts,
        label=labels,
        samples=config.samples,
        seed=config.seed,
        split="test",
        floor=data.floor("test"),
        progress=Percentage("evaluating the test split") if is_first() else None,
    )
    times = {"train": seconds, "evaluate": time.perf_counter() - began}
    verdict = doctor.verdict(vae.vae, data.val_dataloader())
    if is_first():
        note("; ".join(filter(None, (verdict["verdict"], verdict["advice"]))))
        more = {"epoch": epoch} | probed(vae, data, config.seed)
        write_report(run.report, evaluation, times, verdict, more)
        write_text(run.samples, show(vae, texts, labels))
    return evaluation


def probed(vae: TextVAE, data: SentenceData, seed: int) -> dict[str, Any]:
    """How well the latents of the test split tell its labels, if it has some that can be told."""
    labels = data.labels("test")
    if labels is None or vae.latent_dim == 0:
        return {}
    try:
        texts = data.texts("test")
        z = vae.encode(texts, vae.wanted(labels)).cpu().numpy()
        found = probe(z, labels, texts, seed=seed)
    except UsageError as error:
        note(f"no probe of the labels: {error}")
        return {}
    return {"probe": asdict(found), "probe_accuracy": found.accuracy[max(found.accuracy)]}
