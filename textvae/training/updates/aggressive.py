"""Aggressive training of the encoder."""

__all__ = ["Aggressive"]

import math
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from torch.nn import Parameter

from ...errors import UsageError
from ...estimators import mutual_information
from ...nn.distributed import all_mean
from ...types import Batch, Terms
from .base import Update

if TYPE_CHECKING:
    from ..lit import LitTextVAE


class Aggressive(Update):
    r"""Moves the encoder until it gains no more, then the decoder once, as long as that pays.

    Early in training the posterior lags behind the true one, and the decoder learns to do without
    z. Here, encoder and posterior first take steps on this batch and on training batches drawn at
    random. After every `window` steps they stop if the mean loss of a token was higher than in the
    window before. Then everything else takes one step on this batch. Once the mutual information
    of sentence and latent within validation batches falls from one validation to the next, all
    parameters move together at every batch, for good. In a conditional model it is that of
    sentence with label, and latent: it counts what z tells of the label, which reports leave out.

    References:
        | Lagging Inference Networks and Posterior Collapse (He et al., 2019), algorithm 1
        | https://arxiv.org/abs/1901.05534

    Arguments:
        window: The encoder's steps between two comparisons; 15 in the paper's code.
        max_steps: The most steps of the encoder for one batch; 99 in the paper's code.
    """

    manual = True

    def __init__(self, window: int = 15, max_steps: int = 99) -> None:
        if not 1 <= window <= max_steps:
            raise ValueError(
                f"'window' must be at least 1 and at most 'max_steps', "
                f"got {window} and {max_steps}."
            )

        self.window = window
        self.max_steps = max_steps
        self.active = True
        self.information = -math.inf
        self._sum = torch.zeros(2)  # of the information, and of sentences

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if pl_module.vae.encoder is None:
            raise UsageError("update: a language model has no encoder to move; take Joint")

    def __call__(self, module: "LitTextVAE", batch: Batch) -> None:
        steps, encoder = 0, []
        if self.active:
            encoder, others = _split(module)
            steps = self._move_encoder(module, batch, others)
        module.descend(batch, held=encoder)
        module.log("encoder_steps", float(steps))

    def _move_encoder(self, module: "LitTextVAE", batch: Batch, held: list[Parameter]) -> int:
        """Steps on this batch, then on others, with everything else held; returns how often."""
        draws = module.trainer.train_dataloader.draws(module.batches_seen)
        before, sums = math.inf, []
        for step in range(1, self.max_steps + 1):
            loss = module.descend(batch, held, counted=False)
            # Kept where they are: to fetch them at every step would make a GPU wait.
            sums.append(torch.stack([loss * len(batch), batch.target_mask.sum().to(loss)]))
            if step % self.window == 0:
                total, tokens = all_mean(torch.stack(sums).sum(dim=0)).tolist()
                if total / tokens > before:
                    break
                before, sums = total / tokens, []
            batch = next(draws).to(module.device)
        return step

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._sum = torch.zeros(2, dtype=torch.double, device=pl_module.device)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Terms,
        *batch: Any,
    ) -> None:
        if self.active:
            information = mutual_information(outputs.q, outputs.z[0]).double()  # (B,)
            self._sum += torch.stack([information, torch.ones_like(information)], dim=1).sum(dim=0)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not self.active:
            return
        total, sentences = all_mean(self._sum).tolist()
        information = total / sentences
        self.active = information >= self.information
        self.information = information

    def state_dict(self) -> dict[str, Any]:
        return {"active": self.active, "information": self.information}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, value in state_dict.items():
            setattr(self, name, value)


def _split(module: "LitTextVAE") -> tuple[list[Parameter], list[Parameter]]:
    """The parameters of encoder and posterior, and all others."""
    vae = module.vae
    inference = {id(p) for part in (vae.encoder, vae.posterior) for p in part.parameters()}
    encoder = [p for p in vae.parameters() if id(p) in inference]
    return encoder, [p for p in vae.parameters() if id(p) not in inference]
