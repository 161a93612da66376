"""Filling a blank: "I love _ ."."""

__all__ = ["BLANK", "Fill", "infill"]

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..api import TextVAE
from ..decoding import decode
from ..decoding.decode import Steps
from ..errors import UsageError
from ..metrics.reconstruction import is_spaced
from ..types import BOS, State
from .space import is_sphere, perturbed

BLANK = "_"

SCALES = {False: (0.0, 0.5, 1.0), True: (0.0, 0.4, 0.8)}
"""How far around the latent of the rest one looks, in R^D and on a sphere."""


@dataclass(frozen=True)
class Fill:
    """A sentence with its blank filled.

    Arguments:
        text: The whole sentence.
        fill: What stands for the blank.
        nll: Its negative log-likelihood under the model, in nats, by importance weighting.
    """

    text: str
    fill: str
    nll: float


def infill(
    vae: TextVAE,
    text: str,
    top: int = 5,
    max_words: int = 3,
    proposals: int = 64,
    samples: int = 20,
    seed: int = 0,
) -> list[Fill]:
    """Fills the blank of a sentence, the likeliest first.

    Latents around that of the sentence without its blank propose how its beginning goes on; each
    proposal's first words become a candidate, and the model's own likelihood of the whole
    sentence, all latents considered, ranks them: what follows the blank has its say there. What
    stands around the blank stays as it is, spaces or none.

    Arguments:
        vae: The model.
        text: A sentence with one blank, an underscore.
        top: How many to return at most.
        max_words: The longest fill, in words; in characters where text is not spaced.
        proposals: How many latents to try.
        samples: The latent samples of the likelihood.
        seed: The seed of all that is drawn.

    Raises:
        UsageError: If there is not one blank.
    """
    # A blank that stands alone is one, whatever else has an underscore, such as _UNK.
    text = text.strip()
    parts = re.split(rf"(?<!\S){BLANK}(?!\S)", text)
    parts = parts if len(parts) > 1 else text.split(BLANK)
    if len(parts) != 2:
        raise UsageError(f"infilling needs one blank, {BLANK}, got {len(parts) - 1}: {text}")
    before, after = parts
    spaced = is_spaced([text])
    edge = after[:1].strip()
    rest = (before.rstrip() if after[:1].isspace() else before) + after
    (z,) = vae.encode([rest.strip() or BLANK])
    sphere = is_sphere(vae)
    around = [
        perturbed(z, max(1, proposals // 3), scale, seed + i, sphere)
        for i, scale in enumerate(SCALES[sphere])
    ]
    fills = {}
    for words in _continuations(vae, torch.cat(around), before, max_words, seed, spaced):
        for size in range(1, min(len(words), max_words) + 1):
            fill = (" " if spaced else "").join(words[:size]).strip()
            # What touches the blank, such as a full stop, may be where the fill ends.
            ended = fill.partition(edge)[0].strip() if edge else fill
            for one in filter(None, (fill, ended)):
                fills[f"{before}{one}{after}"] = one
    if not fills:
        return []
    nll = vae.score(list(fills), samples=samples, seed=seed).tolist()
    found = [Fill(line, fill, n) for (line, fill), n in zip(fills.items(), nll, strict=True)]
    return sorted(found, key=lambda fill: fill.nll)[:top]


def _continuations(
    vae: TextVAE, z: Tensor, before: str, max_words: int, seed: int, spaced: bool
) -> list[list[str]]:
    """The units that follow a beginning, as each latent would write them."""
    start = before.strip()
    prefix = vae.tokenizer.encode([start])[0] if start else []
    writer = Begun(vae.vae.decoder, prefix)
    # Pieces of words are shorter than words, so that some must be to spare.
    lengths = {"max_length": 8 * max_words}
    given = vae.for_decoder(z)
    lines = decode(writer, given, "greedy", **lengths)
    lines += decode(writer, given, "sample", seed=seed, **lengths)
    skip = len(vae.tokenizer.decode([prefix])[0])
    rests = [text[skip:] for text in vae.tokenizer.decode([[*prefix, *line] for line in lines])]
    if not spaced:
        return [list(rest) for rest in rests]
    if before[-1:].isspace():  # and the beginning's last word, gone on with, is no fill
        rests = [re.sub(r"^\S+", "", rest) for rest in rests]
    return [rest.split() for rest in rests]


class Begun:
    """A decoder that goes on from a given beginning.

    Arguments:
        decoder: The decoder.
        prefix: The tokens of the beginning.
    """

    def __init__(self, decoder: Steps, prefix: Sequence[int]) -> None:
        self.decoder = decoder
        self.prefix = list(prefix)

    def start(self, z: Tensor) -> State:
        """The state ahead of the last token of the beginning, from latents (B, D)."""
        state = self.decoder.start(z)
        for token in [BOS, *self.prefix][:-1]:
            _, state = self.decoder.step(z.new_full((len(z),), token, dtype=torch.long), state)
        return state

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The logits of the next token; the search's ``<s>`` is the last of the beginning."""
        if self.prefix:
            tokens = tokens.masked_fill(tokens == BOS, self.prefix[-1])
        return self.decoder.step(tokens, state)
