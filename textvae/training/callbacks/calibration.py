"""Batch normalisation, made exact before each validation."""

__all__ = ["CalibrateBatchNorm"]

import pytorch_lightning as pl
import torch

from ...nn import BatchNorm, calibrate_batch_norm
from ...nn.distributed import gather, rank, world_size


class CalibrateBatchNorm(pl.Callback):
    """Gives a posterior's batch normalisation the statistics of many training sentences.

    It happens before each validation, so that what is validated is what a checkpoint holds. The
    running averages that stood before take part in nothing else. A posterior without batch
    normalisation costs nothing.

    Arguments:
        num_sentences: How many training sentences to encode, the same ones each time.
    """

    def __init__(self, num_sentences: int = 2000) -> None:
        self.num_sentences = num_sentences

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        posterior = pl_module.vae.posterior
        normalised = posterior and any(isinstance(m, BatchNorm) for m in posterior.modules())
        if trainer.sanity_checking or not normalised:
            return
        batches = trainer.train_dataloader.examples(self.num_sentences)
        shared = len(batches) >= world_size()
        own = batches[rank() :: world_size()] if shared else batches
        with torch.no_grad(), trainer.precision_plugin.val_step_context():
            h = [pl_module.vae.features(batch.to(pl_module.device)) for batch in own]
            h = gather(torch.cat(h)) if shared else torch.cat(h)
            calibrate_batch_norm(posterior, h[rank() :: world_size()])
