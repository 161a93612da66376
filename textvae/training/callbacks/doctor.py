"""The collapse doctor."""

__all__ = ["CollapseDoctor"]

import sys
from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import Parameter
from tqdm import tqdm

from ...types import Batch
from ...vae import SentenceVAE
from ..examination import CLOSE, Examination, evenly_spread, examine

FLOOR = "keep the divergence above 0, by --posterior batch_norm or --objective free_bits_dim"
LISTEN = (
    "weaken the decoder, by --decoder.word_dropout 0.4 or --decoder convolutional, or train longer"
)

KEEP = (
    "weaken the decoder, by --decoder.word_dropout 0.4, or let the encoder learn first, by "
    "--config method/encoder_first"
)
"""Of a decoder that is pretrained, and that one would rather keep."""


class CollapseDoctor(pl.Callback):
    """Watches whether z still means something, and says in one line when it begins not to.

    At each validation it examines a slice of the validation sentences, and logs `valid_mi`,
    `valid_au` and `valid_z_gain`; from time to time in training, `encoder_gradient`: the norm of
    the gradient of encoder and posterior as a share of the whole. Collapse is where sentences gain
    less than `threshold` nats from their own z over another's, and gain no more than at the
    validation before; it is over at a gain of half as much again. Divergence and mutual
    information do not decide: they may be held up by configuration, while the decoder ignores z.
    It speaks once each time that collapse begins.

    Arguments:
        num_sentences: The most validation sentences to examine.
        threshold: The least gain in nats per sentence.
        growth: A gain under the threshold that has grown by so many nats may yet become one.
        every: The batches between two looks at the gradient.
    """

    def __init__(
        self,
        num_sentences: int = 512,
        threshold: float = 1.0,
        growth: float = 0.02,
        every: int = 50,
    ) -> None:
        self.monitor = "valid_z_gain"  # for whom training begins anew in the middle
        self.num_sentences = num_sentences
        self.threshold = threshold
        self.growth = growth
        self.every = every
        self.since: int | None = None  # the epoch in which collapse began, if it lasts
        self.overcome: int | None = None  # and one that is over
        self.gain: float | None = None
        self._share: Tensor | None = None
        self._slice: list[Batch] | None = None

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        vae = pl_module.vae
        if vae.encoder is None or pl_module.batches_seen % self.every:
            return
        inference = [*vae.encoder.parameters(), *vae.posterior.parameters()]
        # Not fetched: that would make a GPU wait.
        self._share = _norm(inference) / _norm(vae.parameters()).clamp(min=1e-30)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any
    ) -> None:
        if self._share is not None:
            pl_module.log("encoder_gradient", self._share)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or pl_module.vae.encoder is None:
            return
        if self._slice is None:
            self._slice = evenly_spread(trainer.val_dataloaders, self.num_sentences)
        if sum(map(len, self._slice)) < 2:
            return
        with trainer.precision_plugin.val_step_context():
            found = examine(pl_module.vae, self._slice)
        values = {
            "valid_mi": found.mi,
            "valid_au": float(found.latent_dim - len(found.dead)),
            "valid_z_gain": found.z_gain,
        }
        pl_module.log_dict(values)  # which are the same in all processes
        self._judge(found, trainer, pl_module.vae)

    def _judge(self, found: Examination, trainer: pl.Trainer, vae: SentenceVAE) -> None:
        # One below 0 is noise, and so is a rise from there.
        stuck = self.gain is not None and found.z_gain <= max(self.gain, 0.0) + self.growth
        self.gain = found.z_gain
        # Well over the threshold: a gain that wavers about it is no new collapse each time.
        if found.z_gain >= 1.5 * self.threshold and self.since is not None:
            self.since, self.overcome = None, self.since
        if found.z_gain >= self.threshold or not stuck or self.since is not None:
            return
        self.since = trainer.current_epoch + 1
        line = f"epoch {self.since}: {_ill(found)}"
        if self._share is not None:
            line += f", {float(self._share):.1%} of the gradient reaches the encoder"
        line += f"; {_advice(found, vae)}"
        if trainer.is_global_zero:
            tqdm.write(line, file=sys.stderr)  # past a bar that is being drawn

    def verdict(self, vae: SentenceVAE, loader: Iterable[Batch]) -> dict[str, Any]:
        """What to say of a model that was trained, in plain data for the report.

        All processes of a run must ask for it.

        Arguments:
            vae: The model, such as it was at its best validation.
            loader: The validation sentences, or this process's share of them.
        """
        if vae.encoder is None:
            return _plain("a language model: there is no latent to collapse", False)
        if self._slice is None:
            self._slice = evenly_spread(loader, self.num_sentences)
        if sum(map(len, self._slice)) < 2:
            return _plain("not examined: validation has fewer than two sentences", False)
        modes = {module: module.training for module in vae.modules()}
        found = examine(vae.eval(), self._slice)
        for module, mode in modes.items():
            module.training = mode
        collapsed = found.z_gain < self.threshold
        line = _ill(found) if collapsed else f"z is used: {found.told()}"
        if collapsed and self.since is not None:
            line += f"; collapse began in epoch {self.since}"
        elif not collapsed and (before := self.since or self.overcome) is not None:
            line += f"; in epoch {before} it was not"
        advice = _advice(found, vae) if collapsed else None
        return {**_plain(line, collapsed), "dead_dimensions": found.dead, "advice": advice}

    def state_dict(self) -> dict[str, Any]:
        return {"since": self.since, "gain": self.gain, "overcome": self.overcome}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.since, self.gain = state_dict["since"], state_dict["gain"]
        self.overcome = state_dict.get("overcome")


def _ill(found: Examination) -> str:
    """What is wrong where the gain is too small."""
    what = "z tells sentences apart, but the decoder ignores it"
    if found.empty:
        what = "collapse: z tells nothing of its sentence"
    return f"{what}: {found.told()}"


def _advice(found: Examination, vae: SentenceVAE) -> str:
    """Where the divergence is held up already, it is the decoder that has to listen."""
    if found.kl < CLOSE and vae.posterior.kl_floor == 0:
        return FLOOR
    return KEEP if vae.decoder.pretrained else LISTEN


def _plain(verdict: str, collapsed: bool) -> dict[str, Any]:
    return {"verdict": verdict, "collapsed": collapsed, "dead_dimensions": [], "advice": None}


def _norm(parameters: Iterable[Parameter]) -> Tensor:
    gradients = [p.grad.detach() for p in parameters if p.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)
