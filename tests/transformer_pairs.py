"""Transformers at toy size: configurations, encoders and decoders, and sentences for them."""

from typing import Any

import torch
from torch import Tensor

from textvae.decoders import TransformerDecoder
from textvae.encoders import TransformerEncoder
from textvae.types import EOS, PAD

VOCAB, LATENT = 11, 4
EXACT = {"rtol": 1e-5, "atol": 1e-5}
"""Several of these models normalise in float32, whatever they are given."""

ENCODERS: dict[str, dict[str, Any]] = {
    "bert": {"num_hidden_layers": 2},
    "distilbert": {
        "n_layers": 2,
        "n_heads": 2,
        "dim": 8,
        "hidden_dim": 16,
        "sinusoidal_pos_embds": True,
    },
    "modernbert": {
        "num_hidden_layers": 2,
        "intermediate_size": 16,
        "local_attention": 4,
        "global_attn_every_n_layers": 2,
    },
    "roberta": {"num_hidden_layers": 2},
    "t5": {"num_layers": 2, "d_kv": 4, "d_ff": 16},
}
for _name, _config in ENCODERS.items():
    if _name != "distilbert":
        _config |= {"hidden_size": 8, "num_attention_heads": 2}
    if _name in ("bert", "roberta"):
        _config["intermediate_size"] = 16
    _config["model_type"] = _name

DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 24},
    "llama": {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 16,
    },
    "qwen2": {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 16,
    },
    "gemma2": {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 4,
        "intermediate_size": 16,
        "final_logit_softcapping": None,
    },
    "opt": {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "ffn_dim": 16,
        "word_embed_proj_dim": 8,
        "max_position_embeddings": 24,
    },
    "xglm": {"d_model": 8, "num_layers": 2, "attention_heads": 2, "ffn_dim": 16},
    "t5": {"d_model": 8, "num_layers": 2, "num_heads": 2, "d_kv": 4, "d_ff": 16},
    "bart": {
        "d_model": 8,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
        "max_position_embeddings": 24,
    },
}
for _name, _config in DECODERS.items():
    _config["model_type"] = _name

INJECTIONS = (
    ["prefix"],
    ["embedding"],
    ["memory"],
    ["embedding", "memory"],
    ["prefix", "embedding", "memory"],
)


def sentences(*lengths: int) -> tuple[Tensor, Tensor]:
    """Random sentences that end in ``</s>``, padded at the end."""
    torch.manual_seed(1)
    x = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in enumerate(lengths):
        x[row, :length] = torch.randint(4, VOCAB, (length,))
        x[row, length - 1] = EOS
    return x, torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]


def make_encoder(name: str, **options: Any) -> TransformerEncoder:
    torch.manual_seed(0)
    return TransformerEncoder(VOCAB, ENCODERS[name], **options).double().eval()


def make_decoder(name: str, inject: list[str] | None = None, **options: Any) -> TransformerDecoder:
    torch.manual_seed(0)
    options = {"slots": 2, **options}
    decoder = TransformerDecoder(VOCAB, LATENT, DECODERS[name], inject=inject, **options)
    with torch.no_grad():  # initial weights are so small that nothing would show
        for parameter in decoder.parameters():
            parameter.mul_(3)
    return decoder.to(dtype_of(name)).eval()


def dtype_of(name: str) -> torch.dtype:
    return torch.float32 if name == "xglm" else torch.float64  # whose mask overflows in float64
