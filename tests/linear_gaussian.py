"""A linear-Gaussian model, whose likelihood is known.

A sentence is one token, which stands for a vector y, and p(z) = N(0, I), p(y | z) = N(W z, s^2 I)
with orthogonal columns of W, so that the true posterior is diagonal.
"""

import torch
import torch.nn as nn
from torch import Tensor
from torch.distributions import Independent, Normal

from textvae.metrics import Evaluation, evaluate
from textvae.priors import StandardNormal
from textvae.vae import SentenceVAE


class LinearGaussianDecoder(nn.Module):
    def __init__(self, y: Tensor, weight: Tensor, scale: float) -> None:
        super().__init__()
        self.latent_dim = weight.shape[1]
        self.scale = scale
        self.register_buffer("y", y)
        self.register_buffer("weight", weight)
        self.unused = nn.Parameter(weight[0, :1].clone())

    def log_prob(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        y = self.y[x[:, 0]]  # (B, M)
        return Independent(Normal(z @ self.weight.T, self.scale), 1).log_prob(y)


class Lookup(nn.Module):
    def __init__(self, y: Tensor) -> None:
        super().__init__()
        self.register_buffer("y", y)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.y[x[:, 0]]


class LinearPosterior(nn.Module):
    """The true posterior, but for an offset of the mean and a factor of the scale."""

    prior_cls = StandardNormal

    def __init__(
        self, weight: Tensor, scale: float, offset: float = 0.0, factor: float = 1.0
    ) -> None:
        super().__init__()
        self.latent_dim = weight.shape[1]
        self.offset, self.factor = offset, factor
        self.variance = 1 / (1 + weight.square().sum(dim=0) / scale**2)  # (D,)
        self.gain = weight * self.variance / scale**2  # (M, D)

    def forward(self, h: Tensor) -> Independent:
        loc = h @ self.gain + self.offset
        return Independent(Normal(loc, self.factor * self.variance.sqrt().expand_as(loc)), 1)


class LinearGaussian:
    """The model with its exact log p(y), over many sentences drawn from it."""

    scale = 0.8

    def __init__(self, count: int = 400) -> None:
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.tensor([[1.0, 0.5], [1.0, -0.5], [0.3, 0.0]], dtype=torch.double)
        noise = torch.randn(count, 5, generator=generator, dtype=torch.double)
        self.y = noise[:, :2] @ self.weight.T + self.scale * noise[:, 2:]
        self.sentences = [[i] for i in range(count)]
        self.texts = [f"w{i}" for i in range(count)]
        covariance = self.weight @ self.weight.T + self.scale**2 * torch.eye(3).double()
        self.log_p = torch.distributions.MultivariateNormal(
            torch.zeros(3, dtype=torch.double), covariance
        ).log_prob(self.y)

    def vae(self, offset: float = 0.0, factor: float = 1.0) -> SentenceVAE:
        return SentenceVAE(
            Lookup(self.y),
            LinearPosterior(self.weight, self.scale, offset, factor),
            StandardNormal(2),
            LinearGaussianDecoder(self.y, self.weight, self.scale),
        ).double()

    def evaluate(self, vae: SentenceVAE, samples: int) -> Evaluation:
        return evaluate(vae, self.sentences, self.texts, samples=samples)
