"""The plain reference: a text VAE written the way the field's code does it.

Eager modules in float32, batches of 32 sentences of one length, z concatenated to every input,
all logits in memory, an importance-weighted likelihood of one sentence at a time in chunks of a
hundred samples, and search of one sentence at a time, with its hypotheses in lists.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from textvae.types import BOS, EOS


class PlainVAE(nn.Module):
    """An LSTM or GRU text VAE with a diagonal Gaussian posterior."""

    def __init__(
        self, network: type[nn.RNNBase], vocab_size: int, embedding: int, hidden: int, latent: int
    ) -> None:
        super().__init__()
        self.latent = latent
        self.encoder_embedding = nn.Embedding(vocab_size, embedding)
        self.encoder = network(embedding, hidden, batch_first=True)
        self.to_posterior = nn.Linear(hidden, 2 * latent, bias=False)
        self.decoder_embedding = nn.Embedding(vocab_size, embedding)
        self.decoder = network(embedding + latent, hidden, batch_first=True)
        self.to_cell = nn.Linear(latent, hidden, bias=False)
        self.to_logits = nn.Linear(hidden, vocab_size, bias=False)
        self.dropout = nn.Dropout(0.5)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of each sentence (B, T), with shape (B, D) each."""
        last = self.encoder(self.encoder_embedding(x))[0][:, -1]
        return self.to_posterior(last).chunk(2, dim=-1)

    def state(self, z: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """The decoder's initial state."""
        cell = self.to_cell(z)[None]
        return (cell.tanh(), cell) if isinstance(self.decoder, nn.LSTM) else cell.tanh()

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x | z) of sentences (B, T) under latents (B, D), with shape (B,)."""
        inputs = torch.cat([torch.full_like(x[:, :1], BOS), x[:, :-1]], dim=1)
        embedded = self.dropout(self.decoder_embedding(inputs))
        joined = torch.cat([embedded, z[:, None].expand(-1, x.shape[1], -1)], dim=-1)
        logits = self.to_logits(self.dropout(self.decoder(joined, self.state(z))[0]))
        nll = F.cross_entropy(logits.flatten(0, 1), x.flatten(), reduction="none")
        return -nll.view(x.shape).sum(dim=1)

    def loss(self, x: Tensor) -> Tensor:
        """The negative ELBO of a batch."""
        mean, log_variance = self.posterior(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=-1)
        return (kl - self.log_prob(x, z)).mean()

    @torch.no_grad()
    def nll_iw(self, x: Tensor, samples: int, chunk: int = 100) -> float:
        """The importance-weighted negative log-likelihood of one sentence (1, T)."""
        mean, log_variance = self.posterior(x)
        scale = (log_variance / 2).exp()
        weights = []
        for _ in range(samples // chunk):
            noise = torch.randn(chunk, self.latent, device=x.device)
            z = mean + scale * noise
            log_ratio = -0.5 * (z**2).sum(-1) + 0.5 * (noise**2).sum(-1) + scale.log().sum(-1)
            weights.append(self.log_prob(x.expand(chunk, -1), z) + log_ratio)
        joined = torch.cat(weights)
        return math.log(len(joined)) - torch.logsumexp(joined, dim=0).item()

    @torch.no_grad()
    def greedy(self, z: Tensor, length: int) -> list[int]:
        """The likeliest next word, `length` times, from one latent (1, D)."""
        state, words = self.state(z), [BOS]
        while len(words) <= length and words[-1] != EOS:
            logits, state = self._next(words[-1:], z, state)
            words.append(logits.argmax().item())
        return [word for word in words[1:] if word != EOS]

    @torch.no_grad()
    def beam(self, z: Tensor, length: int, size: int = 5) -> list[int]:
        """What a beam finds from one latent (1, D): the best by log-probability a word."""
        state, live = self.state(z), [(0.0, [BOS])]
        ended: list[tuple[float, list[int]]] = []
        for _ in range(length):
            logits, state = self._next([words[-1] for _, words in live], z, state)
            scores = torch.tensor([score for score, _ in live], device=z.device)
            total = (logits.log_softmax(dim=-1) + scores[:, None]).flatten()
            best = total.topk(size - len(ended))
            found = []
            for score, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                parent, word = divmod(index, logits.shape[1])
                if word == EOS:
                    ended.append((score / len(live[parent][1]), live[parent][1][1:]))
                else:
                    found.append((parent, (score, [*live[parent][1], word])))
            if not found:
                break
            rows = torch.tensor([parent for parent, _ in found], device=z.device)
            live = [hypothesis for _, hypothesis in found]
            lstm = isinstance(state, tuple)
            state = tuple(part[:, rows] for part in state) if lstm else state[:, rows]
        return max(ended)[1] if ended else live[0][1][1:]

    def _next(
        self, words: list[int], z: Tensor, state: Tensor | tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor | tuple[Tensor, Tensor]]:
        """The logits (K, V) after the last words of K hypotheses of one latent (1, D)."""
        tokens = torch.tensor(words, device=z.device)[:, None]
        joined = torch.cat(
            [self.decoder_embedding(tokens), z[:, None].expand(len(words), -1, -1)], dim=-1
        )
        outputs, state = self.decoder(joined, state)
        return self.to_logits(outputs[:, -1]), state
