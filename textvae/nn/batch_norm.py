"""Batch normalisation of features of sentences."""

__all__ = ["BatchNorm", "calibrate_batch_norm"]

import torch
import torch.nn as nn
from torch import Tensor

from ..errors import UsageError
from .distributed import all_sum, world_size


class BatchNorm(nn.Module):
    r"""Batch normalisation over sentences, without scale or shift.

    .. math:: \hat x = \frac{x - \operatorname{mean}(x)}{\sqrt{\operatorname{var}(x) + \epsilon}}

    In training, mean and variance are those of the batch; in evaluation, their running averages
    over the last ten or so training batches, or what :func:`calibrate_batch_norm` found. A batch
    that several processes share is normalised as one.

    References:
        | Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
        | Shift (Ioffe & Szegedy, 2015)
        | https://arxiv.org/abs/1502.03167

    Arguments:
        num_features: The number of features.
        eps: What is added to the variance.

    Raises:
        UsageError: If a training batch has a single sentence, which has no variance.
    """

    def __init__(self, num_features: int, eps: float) -> None:
        super().__init__()

        self.norm = nn.BatchNorm1d(num_features, eps=eps, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and world_size() > 1:
            return self._shared(x)
        if self.training and len(x) < 2:
            raise UsageError(
                f"Batch normalisation needs at least 2 sentences in a training batch, "
                f"got {len(x)}; train on more text, or with --posterior GaussianPosterior"
            )
        return self.norm(x)

    def _shared(self, x: Tensor) -> Tensor:
        """As the layer that is replaced, which knows one process alone."""
        size = all_sum(torch.full((), len(x), dtype=x.dtype, device=x.device))
        mean = all_sum(x.sum(dim=0)) / size
        centred = x - mean
        variance = all_sum(centred.square().sum(dim=0)) / size

        with torch.no_grad():
            self.norm.num_batches_tracked += 1
            self.norm.running_mean.lerp_(mean, self.norm.momentum)
            # As PyTorch keeps it: without the bias of a sample.
            self.norm.running_var.lerp_(variance * size / (size - 1), self.norm.momentum)
        return centred * (variance + self.norm.eps).rsqrt()


@torch.no_grad()
def calibrate_batch_norm(module: nn.Module, h: Tensor) -> None:
    """Gives batch normalisation the exact statistics of many sentences, for evaluation.

    Running averages lag behind parameters that still move, and where each batch has sentences of
    one length, they miss by how much the means of the batches differ. Early in training that costs
    nats; the statistics of two thousand training sentences cost a pass of the encoder.

    References:
        | Rethinking "Batch" in BatchNorm (Wu & Johnson, 2021), section 3
        | https://arxiv.org/abs/2105.07576

    Arguments:
        module: A function of features, such as a posterior; without batch normalisation in it,
            nothing happens.
        h: The features of training sentences drawn at random, with shape (N, H); of several
            processes, each gives its own.
    """
    norms = [part.norm for part in module.modules() if isinstance(part, BatchNorm)]
    if not norms:
        return

    momenta, training = [norm.momentum for norm in norms], module.training
    for norm in norms:
        norm.momentum = 1.0  # what was is forgotten
    module.train()(h)
    module.train(training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
