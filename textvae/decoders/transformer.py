"""The transformer decoder."""

__all__ = ["TransformerDecoder"]

from collections.abc import Iterator
from typing import Any, Literal

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..backbones import (
    ATTENTIONS,
    TRAINABLE,
    Holder,
    Source,
    check_length,
    examine,
    load_language_model,
)
from ..nn import align, linear_log_prob
from ..types import BOS, EOS, PAD, UNK, State
from .base import Decoder, inputs_of, sum_words

SMALL = {
    "model_type": "gpt2",
    "n_embd": 256,
    "n_layer": 4,
    "n_head": 4,
    "n_positions": 512,
}
"""What is built where nothing is named."""


class TransformerDecoder(Holder, Decoder):
    """Any causal language model of `transformers`, or the decoder of a sequence-to-sequence model.

    z becomes `slots` embeddings that stand before the sentence (prefix), is added to every input
    embedding (embedding), or becomes `slots` keys and values that every layer attends to (memory).
    The cross-attention of a sequence-to-sequence decoder sees `slots` vectors made of z, and
    nothing else. Where positions are counted, slots of prefix and memory have one each.

    References:
        | Optimus: Organizing Sentences via Pre-trained Modeling of a Latent Space
        | (Li et al., 2020)
        | https://arxiv.org/abs/2004.04092
        | Prefix-Tuning: Optimizing Continuous Prompts for Generation (Li & Liang, 2021)
        | https://arxiv.org/abs/2101.00190

    Arguments:
        vocab_size: The number of tokens of the vocabulary.
        latent_dim: The number of latent dimensions; 0 makes a language model.
        config: A configuration of transformers: model_type and its options. A small GPT-2 if
            neither this nor pretrained is given.
        pretrained: The name or folder of a model with its tokenizer.
        inject: Where z enters: any of prefix, embedding and memory. Null takes embedding and
            memory (which gradient checkpointing rules out), or cross-attention alone if there is.
        slots: The number of vectors that z becomes for prefix, memory and cross-attention.
        word_dropout: The rate at which input words are replaced by the unknown word in training.
        trainable: What is trained: all, none, lora, or the number of the last layers. The way from
            z into the model always is.
        lora_rank: The rank of the adapters of lora.
        lr_scale: The learning rate of the model's own weights, as a share of the optimiser's;
            about 0.02 where a pretrained model is trained whole.
        gradient_checkpointing: Whether to keep less for the backward pass and compute it again.
        attention: eager, sdpa or flash_attention_2; null takes what the model can do best.
        trust_remote_code: Whether code that comes with a pretrained model may run.
        specials: The model's numbers for padding, start, end and unknown where they are not ours;
            found by the tokenizer of a pretrained model.

    Raises:
        UsageError: If there is no such model, it cannot decode, or its vocabulary is another.
        ValueError: If z enters nowhere, or by memory in spite of gradient checkpointing.
    """

    def __init__(
        self,
        vocab_size: int,
        latent_dim: int,
        config: dict[str, Any] | None = None,
        pretrained: str | None = None,
        inject: list[Literal["prefix", "embedding", "memory"]] | None = None,
        slots: int = 1,
        word_dropout: float = 0.0,
        trainable: TRAINABLE = "all",
        lora_rank: int = 8,
        lr_scale: float = 1.0,
        gradient_checkpointing: bool = False,
        attention: ATTENTIONS | None = None,
        trust_remote_code: bool = False,
        specials: list[int] | None = None,
    ) -> None:
        super().__init__()

        if slots < 1:
            raise ValueError(f"'slots' must be at least 1, got {slots}.")
        if config is None and pretrained is None:
            config = dict(SMALL)
        source = Source(vocab_size, config, pretrained, specials, attention, trust_remote_code)
        loaded = load_language_model(source)
        anatomy = examine(loaded.model)
        self.crosses = loaded.model.config.is_encoder_decoder
        self.inject = _injections(inject, self.crosses, gradient_checkpointing)

        self.vocab_size = vocab_size
        self.latent_dim = latent_dim
        self.slots = slots
        self.word_dropout = word_dropout
        self._hold(anatomy.stack, loaded, trainable, lora_rank, lr_scale, gradient_checkpointing)
        self.to_logits, self.scale, self.cache_shapes = anatomy.head, anatomy.scale, anatomy.cache
        self.to_logits.requires_grad_(trainable == "all")
        self._add_ways_in()
        used = slots * len({"prefix", "memory"} & set(self.ways))
        self.max_tokens = None if self.limit is None else self.limit - used
        if used and self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"'slots' must leave one of {self.limit} positions, got {slots}.")

    def _add_ways_in(self) -> None:
        """The linear maps from z to what the model sees of it."""
        width = self.model.get_input_embeddings().embedding_dim
        memory = sum(h * d + g * e for h, d, g, e in self.cache_shapes)
        sizes = {"prefix": self.slots * width, "embedding": width, "memory": self.slots * memory}
        if self.crosses:
            sizes["cross"] = self.slots * self.model.config.d_model
        ways = [*self.inject, *(["cross"] if self.crosses else [])] if self.latent_dim > 0 else []
        self.ways = nn.ModuleDict({way: nn.Linear(self.latent_dim, sizes[way]) for way in ways})
        self._start_small()

    @torch.no_grad()
    def _start_small(self) -> None:
        """Draws the ways so that z does not drown the words at first: what it becomes is as large
        as an embedding, or half as large where it is added to one, and in memory as the keys and
        values that the model's own layers begin with. All of it for entries of z about 1: one from
        a sphere begins sqrt(D) times smaller. Cross-attention expects numbers of about 1."""
        embeddings = self.model.get_input_embeddings()
        some = torch.linspace(0, embeddings.num_embeddings - 1, 1000).long()
        size = embeddings(some).pow(2).mean().sqrt().item()
        width = embeddings.embedding_dim
        # Of the weights of keys and values, which read normalised states; T5 has no such number.
        first = getattr(self.model.config.get_text_config(), "initializer_range", width**-0.5)
        sizes = {"prefix": size, "embedding": 0.5 * size, "memory": first * width**0.5}
        for way in self.ways.keys() & sizes.keys():
            nn.init.normal_(self.ways[way].weight, std=sizes[way] / self.latent_dim**0.5)
            nn.init.zeros_(self.ways[way].bias)

    def own_parameters(self) -> Iterator[nn.Parameter]:
        yield from super().own_parameters()
        yield from self.to_logits.parameters()

    def log_prob(self, x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        x, mask = align(x, mask)
        tokens = inputs_of(x, self.word_dropout if self.training else 0.0)  # (B, T)
        check_length("decoder", x.shape[1], self.max_tokens)

        embedded = self._embed(tokens).expand(len(z), -1, -1, -1).flatten(0, 1)  # (S * B, T, E)
        z = z.flatten(0, 1)  # (S * B, D)
        inputs = torch.cat([self._prefix(z), self._add(embedded, z)], dim=1)
        outputs, _ = self._run(inputs, z, self._memory(z), keep=False)
        return sum_words(outputs[:, -x.shape[1] :], self._numbers(x), mask, self._log_prob)

    def start(self, z: Tensor) -> State:
        state = {"z": z, **self._memory(z)}
        if "prefix" in self.ways:
            state |= self._run(self._prefix(z), z, state, keep=True)[1]
        return state

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        z = state["z"]
        if self.limit is not None and _length(state) >= self.limit:
            # No position is left: the sentence ends.
            logits = z.new_full((len(tokens), self.vocab_size), -torch.inf)
            return logits.index_fill(1, tokens.new_tensor([EOS]), 0.0), state
        inputs = self._add(self._embed(tokens[:, None]), z)  # (B, 1, E)
        outputs, cache = self._run(inputs, z, state, keep=True)
        return self._logits(outputs[:, 0]), {"z": z, **cache}

    def _run(self, inputs: Tensor, z: Tensor, past: State, keep: bool) -> tuple[Tensor, State]:
        """The hidden states of some embeddings, and the keys and values up to them if kept."""
        from transformers import DynamicCache, EncoderDecoderCache

        options: dict[str, Any] = {"use_cache": keep or _length(past) > 0}
        cache = own = DynamicCache()
        for i in range(len(self.cache_shapes) if _length(past) > 0 else 0):
            own.update(past[f"keys.{i}"], past[f"values.{i}"], i)
        if self.crosses:
            cache = EncoderDecoderCache(own, DynamicCache())
            options["encoder_hidden_states"] = self._cross(z)
        if options["use_cache"]:
            options["past_key_values"] = cache
        self.choose_attention()
        outputs = self.model(inputs_embeds=inputs, **options).last_hidden_state
        if not keep:
            return outputs, {}
        kept = {f"keys.{i}": layer.keys for i, layer in enumerate(own.layers)}
        return outputs, kept | {f"values.{i}": layer.values for i, layer in enumerate(own.layers)}

    def _embed(self, tokens: Tensor) -> Tensor:
        return self.model.get_input_embeddings()(self._numbers(tokens))

    def _add(self, embedded: Tensor, z: Tensor) -> Tensor:
        if "embedding" not in self.ways:
            return embedded
        return embedded + self.ways["embedding"](z)[:, None]

    def _prefix(self, z: Tensor) -> Tensor:
        if "prefix" not in self.ways:
            return self.to_logits.weight.new_zeros(
                len(z), 0, self.model.get_input_embeddings().embedding_dim
            )
        return self.ways["prefix"](z).unflatten(1, (self.slots, -1))

    def _cross(self, z: Tensor) -> Tensor:
        if "cross" not in self.ways:  # a language model
            return self.to_logits.weight.new_zeros(len(z), self.slots, self.model.config.d_model)
        return self.ways["cross"](z).unflatten(1, (self.slots, -1))

    def _memory(self, z: Tensor) -> State:
        if "memory" not in self.ways:
            return {}
        sizes = [n for h, d, g, e in self.cache_shapes for n in (h * d, g * e)]
        parts = self.ways["memory"](z).unflatten(1, (self.slots, -1)).split(sizes, dim=-1)
        memory = {}
        for i, (heads, _, value_heads, _) in enumerate(self.cache_shapes):
            keys, values = parts[2 * i : 2 * i + 2]  # (B, M, heads * size) each
            memory[f"keys.{i}"] = keys.unflatten(2, (heads, -1)).transpose(1, 2)
            memory[f"values.{i}"] = values.unflatten(2, (value_heads, -1)).transpose(1, 2)
        return memory

    def _numbers(self, tokens: Tensor) -> Tensor:
        """The model's numbers of our tokens."""
        return tokens if self.ids is None else self.ids[tokens]

    def _log_prob(self, h: Tensor, targets: Tensor) -> Tensor:
        h, weight, bias = h * self.scale, self.to_logits.weight, self.to_logits.bias
        if bias is not None:
            h = torch.cat([h, h.new_ones(len(h), 1)], dim=1)
            weight = torch.cat([weight, bias[:, None]], dim=1)
        return linear_log_prob(h, weight, targets)

    def _logits(self, h: Tensor) -> Tensor:
        logits = F.linear(h * self.scale, self.to_logits.weight, self.to_logits.bias)
        if self.ids is None:
            return logits
        logits = logits[:, self.ids]
        # Where one number of the model stands for several of ours, it is the end's if any's.
        special = self.ids[: UNK + 1].tolist()
        for token in (PAD, BOS, UNK):
            if special[token] in special[:token] + special[token + 1 :]:
                logits[:, token] = -torch.inf
        return logits


def _injections(inject: list[str] | None, crosses: bool, checkpointing: bool) -> list[str]:
    if inject is None:
        inject = [] if crosses else ["embedding"] if checkpointing else ["embedding", "memory"]
    known = ("prefix", "embedding", "memory")
    if not set(inject) <= set(known) or (not inject and not crosses):
        raise ValueError(f"'inject' must be some of {', '.join(known)}, got {inject}.")
    if checkpointing and "memory" in inject:
        raise ValueError("'inject' must not have memory with 'gradient_checkpointing'.")
    return [way for way in known if way in inject]


def _length(state: State) -> int:
    """How many positions a state has seen."""
    return state["keys.0"].shape[2] if "keys.0" in state else 0
