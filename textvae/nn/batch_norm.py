"""Batch normalisation of features of sentences."""

__all__ = ["BatchNorm"]

import torch.nn as nn
from torch import Tensor


class BatchNorm(nn.Module):
    r"""Batch normalisation over sentences, without scale or shift.

    .. math:: \hat x = \frac{x - \operatorname{mean}(x)}{\sqrt{\operatorname{var}(x) + \epsilon}}

    In training, mean and variance are those of the batch; in evaluation, their running averages
    over the last ten or so training batches.

    References:
        | Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
        | Shift (Ioffe & Szegedy, 2015)
        | https://arxiv.org/abs/1502.03167

    Arguments:
        num_features: The number of features.
        eps: What is added to the variance.

    Raises:
        ValueError: If a training batch has a single sentence, which has no variance.
    """

    def __init__(self, num_features: int, eps: float) -> None:
        super().__init__()

        self.norm = nn.BatchNorm1d(num_features, eps=eps, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) < 2:
            raise ValueError(
                f"Batch normalisation needs at least 2 sentences in a training batch, "
                f"got {len(x)}; merge it with another batch."
            )
        return self.norm(x)
