"""What a transformer is asked to be: trained in part, saved, mixed, or refused."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from textvae.api import TextVAE
from textvae.backbones.holder import in_half
from textvae.backbones.models import take_attention
from textvae.data import WordTokenizer
from textvae.decoders import GRUDecoder, TransformerDecoder
from textvae.encoders import GRUEncoder, TransformerEncoder
from textvae.errors import UsageError
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import Batch
from textvae.vae import SentenceVAE

from .transformer_pairs import (
    DECODERS,
    ENCODERS,
    INJECTIONS,
    LATENT,
    VOCAB,
    make_decoder,
    make_encoder,
    sentences,
)


@pytest.mark.parametrize("trainable", ["none", 1, "all"])
def test_how_much_is_trained(trainable: Any) -> None:
    encoder = make_encoder("bert", trainable=trainable)
    decoder = make_decoder("gpt2", ["embedding"], trainable=trainable)
    x, mask = sentences(3, 6)
    encoder.train()(x, mask).pow(3).sum().backward() if trainable != "none" else None
    z = torch.randn(1, 2, LATENT, dtype=torch.float64)
    decoder.train().log_prob(x, mask, z).sum().backward()

    def learning(module: torch.nn.Module) -> set[str]:
        return {name for name, p in module.named_parameters() if p.requires_grad}

    expected = {
        "none": (0, {"ways.embedding.weight", "ways.embedding.bias"}),
        1: (16, {"model.h.1.attn.c_attn.weight", "model.ln_f.weight"}),
        "all": (len(list(encoder.parameters())), {"model.wte.weight", "model.h.0.ln_1.bias"}),
    }[trainable]
    assert len(learning(encoder)) == expected[0] and expected[1] <= learning(decoder)
    assert "model.h.0.ln_1.bias" not in learning(decoder) or trainable == "all"
    for name, parameter in decoder.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    assert encoder.model.training == decoder.model.training == (trainable != "none")


def test_the_norm_behind_the_last_layers_learns_with_them() -> None:
    def learning(name: str) -> set[str]:
        decoder = make_decoder(name, trainable=1)
        own = decoder.model.named_parameters()
        return {label for label, p in own if p.requires_grad and "layers.1." not in label}

    # BART's norm of embeddings lies before its layers, and OPT notes the last one before them.
    assert learning("bart") == set()
    assert learning("opt") == {"final_layer_norm.weight", "final_layer_norm.bias"}
    assert learning("llama") == {"norm.weight"}


def test_attention_may_change_on_the_way() -> None:
    decoder = make_decoder("gpt2", ["memory"])
    x, mask = sentences(3, 6)
    z = torch.randn(1, 2, LATENT, dtype=torch.float64)
    expected = decoder.log_prob(x, mask, z)
    assert decoder.plain_attention == "sdpa"
    take_attention(decoder.model, "eager")
    assert decoder.model.config._attn_implementation == "eager"
    torch.testing.assert_close(decoder.log_prob(x, mask, z), expected)
    # Flash attention is for half precision on a GPU alone.
    for weight in (torch.zeros(1), torch.zeros(1, dtype=torch.bfloat16)):
        with torch.autocast("cpu", torch.bfloat16):
            assert not in_half(weight)


def test_gradient_checkpointing_changes_no_gradient() -> None:
    x, mask = sentences(3, 6)
    z = torch.randn(1, 2, LATENT, dtype=torch.float64)
    gradients, passes = [], []
    for checkpointing in (False, True):
        options = {"gradient_checkpointing": checkpointing}
        passes.append(Counter())
        encoder = make_encoder("bert", **options)
        decoder = make_decoder("gpt2", ["prefix", "embedding"], **options)
        for part in (encoder, decoder):
            part.train()
            for module in part.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
                if type(module).__name__ in ("BertIntermediate", "GPT2MLP"):
                    module.register_forward_pre_hook(lambda m, _: passes[-1].update([type(m)]))
        (encoder(x, mask).pow(3).sum() + decoder.log_prob(x, mask, z).sum()).backward()
        gradients.append([p.grad for part in (encoder, decoder) for p in part.parameters()])
    torch.testing.assert_close(*gradients)
    # Every layer is passed through once more on the way back.
    assert passes[1] == Counter({kind: 2 * count for kind, count in passes[0].items()})
    assert sorted(passes[0].values()) == [2, 2]


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5"])
@pytest.mark.parametrize("options", [{}, {"trainable": "lora"}, {"attention": "eager"}])
def test_what_is_saved_says_the_same_when_loaded(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    if options.get("trainable") == "lora":
        pytest.importorskip("peft")
    texts = ["a b c", "c a", "b"]
    tokenizer = WordTokenizer()
    tokenizer.fit(texts)
    torch.manual_seed(0)
    encoder = TransformerEncoder(tokenizer.vocab_size, ENCODERS["bert"], **options)
    decoder = TransformerDecoder(tokenizer.vocab_size, LATENT, DECODERS[name], **options)
    with torch.no_grad():
        for parameter in [*encoder.parameters(), *decoder.parameters()]:
            parameter.add_(0.1 * torch.randn_like(parameter))
    parts = encoder, GaussianPosterior(8, LATENT), StandardNormal(LATENT), decoder
    vae = TextVAE(SentenceVAE(*parts), tokenizer)
    vae.save(tmp_path / "model")
    again = TextVAE.load(tmp_path / "model")

    expected = vae.score(texts, samples=5)
    torch.testing.assert_close(again.score(texts, samples=5), expected, rtol=1e-6, atol=1e-6)
    assert again.reconstruct(texts, "beam") == vae.reconstruct(texts, "beam")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["decoder"]["init_args"]["config"]["model_type"] == name
    # Another machine may not have it.
    assert config["decoder"]["init_args"]["attention"] is None


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: make_decoder("gpt2", []), "'inject' must be some of prefix"),
        (lambda: make_decoder("gpt2", ["prefix"], slots=0), "'slots' must be at least 1, got 0"),
        (
            lambda: make_decoder("gpt2", ["prefix"], slots=24),
            "'slots' must leave one of 24 positions, got 24",
        ),
        (
            lambda: make_decoder("gpt2", ["memory"], gradient_checkpointing=True),
            "'inject' must not have memory with 'gradient_checkpointing'",
        ),
        (
            lambda: make_decoder("gpt2", trainable="none", gradient_checkpointing=True),
            "'gradient_checkpointing' needs a model that learns, and 'trainable' is none",
        ),
        (lambda: make_encoder("bert", lr_scale=0.0), "'lr_scale' must be positive, got 0.0"),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, {"model_type": "gemma3"}),
            "gemma3 has .* tokens, and the text's tokenizer 11; take the model_type of its text",
        ),
        (lambda: make_decoder("gpt2", trainable=3), "'trainable' must be from 1 to 2 layers, got"),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, ENCODERS["bert"]),
            "model_type bert is an encoder, and a decoder is wanted; take .* gpt2",
        ),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, {"model_type": "gpt3"}),
            "knows no model_type gpt3; did you mean gpt",
        ),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, {**DECODERS["gpt2"], "n_layers": 3}),
            "gpt2 has no option n_layers; did you mean n_layer?",
        ),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, {**DECODERS["gpt2"], "n_head": 3}),
            "cannot build model_type gpt2 .*heads",
        ),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, {**DECODERS["llama"], "hidden_size": 7}),
            r"cannot build model_type llama \(The hidden size \(7\) is not a multiple .* see",
        ),
        (
            lambda: TransformerEncoder(VOCAB, {"model_type": "bert", "hidden_size": "wide"}),
            r"cannot build model_type bert \(Field 'hidden_size' expected int, got str",
        ),
        (
            lambda: TransformerDecoder(VOCAB, LATENT, {"model_type": "mamba", "hidden_size": 8}),
            "remembers by other means than keys and values; take a transformer",
        ),
        (
            lambda: make_encoder("bert", attention="some/kernel"),
            "'attention' must be one of eager, sdpa, flash_attention_2, got 'some/kernel'",
        ),
        (
            lambda: TransformerEncoder(VOCAB, pretrained="no/such-model"),
            "cannot build no/such-model .*; name a folder that holds the model",
        ),
        (
            lambda: TransformerDecoder(
                VOCAB, LATENT, {**DECODERS["gemma2"], "final_logit_softcapping": 3.0}
            ),
            "no linear function of its hidden states, as where they are capped",
        ),
    ],
)
def test_refusals(make: Callable[[], object], error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=error):
        make()


def test_a_sentence_longer_than_the_positions_is_refused() -> None:
    encoder = TransformerEncoder(VOCAB, {**ENCODERS["bert"], "max_position_embeddings": 8})
    decoder = make_decoder("gpt2", ["prefix", "memory"])
    x, mask = sentences(24)
    z = torch.zeros(1, 1, LATENT, dtype=torch.float64)

    with pytest.raises(UsageError, match="24 tokens is longer than the 7 positions of the enc"):
        encoder(x, mask)
    with pytest.raises(UsageError, match="24 tokens is longer than the 20 positions of the deco"):
        decoder.log_prob(x, mask, z)
    assert decoder.log_prob(x[:, :20], mask[:, :20], z).isfinite().all()


def test_a_text_without_room_is_refused_by_its_number() -> None:
    texts = ["a b c", "a b c a b c a b c", "b"]
    tokenizer = WordTokenizer()
    tokenizer.fit(texts)
    size, short = tokenizer.vocab_size, {"max_position_embeddings": 8}
    encoder = TransformerEncoder(size, {**ENCODERS["bert"], **short})
    decoder = TransformerDecoder(size, LATENT, {**DECODERS["llama"], **short}, inject=["prefix"])
    posterior, prior = GaussianPosterior(8, LATENT), StandardNormal(LATENT)
    model = TextVAE(SentenceVAE(encoder, posterior, prior, decoder), tokenizer)
    with pytest.raises(
        UsageError, match="sentence 2 has 10 tokens, and the encoder positions for"
    ):
        model.encode(texts)
    gru = TextVAE(SentenceVAE(GRUEncoder(size, 6, 8), posterior, prior, decoder), tokenizer)
    assert gru.encode(texts).shape == (3, LATENT)
    with pytest.raises(
        UsageError, match="sentence 2 has 10 tokens, and the decoder positions for"
    ):
        gru.score(texts)


def test_any_encoder_goes_with_any_decoder() -> None:
    x, mask = sentences(3, 6)
    batch = Batch(x, mask, x, mask, torch.arange(2))
    gru = GRUEncoder(VOCAB, 6, 8), GRUDecoder(VOCAB, LATENT, 6, 8)
    transformers = make_encoder("bert").float(), make_decoder("t5").float()
    for encoder in (gru[0], transformers[0]):
        for decoder in (gru[1], transformers[1]):
            parts = encoder, GaussianPosterior(8, LATENT), StandardNormal(LATENT), decoder
            terms = SentenceVAE(*parts)(batch, num_samples=2)
            assert terms.log_px_z.shape == (2, 2) and terms.log_px_z.isfinite().all()
    for name in ("gpt2", "t5"):
        model = TransformerDecoder(VOCAB, 0, DECODERS[name])
        terms = SentenceVAE(None, None, None, model)(batch)
        assert terms.log_px_z.isfinite().all() and terms.kl.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("name", "inject"),
    [
        *((name, INJECTIONS[-1]) for name in ("gpt2", "llama", "xglm")),
        ("t5", None),
        ("bart", None),
    ],
)
@torch.no_grad()
def test_mixed_precision_is_close(name: str, inject: list[str] | None) -> None:
    decoder, encoder = make_decoder(name, inject).float(), make_encoder("modernbert").float()
    x, mask = sentences(3, 1, 6)
    z = torch.randn(2, 3, LATENT)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, h = decoder.log_prob(x, mask, z), encoder(x, mask)

    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, decoder.log_prob(x, mask, z), rtol=0.05, atol=0.05)
    torch.testing.assert_close(h.float(), encoder(x, mask), rtol=0.1, atol=0.1)
