"""Transformers as encoders and decoders, at toy size, against the library's own models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from textvae.api import TextVAE
from textvae.data import WordTokenizer
from textvae.decoders import GRUDecoder, TransformerDecoder
from textvae.encoders import GRUEncoder, TransformerEncoder
from textvae.errors import UsageError
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import BOS, EOS, PAD, Batch
from textvae.vae import SentenceVAE

from .transformer_pairs import DECODERS, ENCODERS, INJECTIONS

VOCAB, LATENT = 11, 4
EXACT = {"rtol": 1e-5, "atol": 1e-5}
"""Several of these models normalise in float32, whatever they are given."""

CAUSAL = [(name, ways) for name in ("gpt2", "llama", "xglm") for ways in INJECTIONS]
PAIRS = [(name, ways) for name in ("t5", "bart") for ways in (None, *INJECTIONS[2:])]


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


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("pooling", ["cls", "mean", "attention"])
def test_encoder_contract(name: str, pooling: str) -> None:
    encoder = make_encoder(name, pooling=pooling)
    x, mask = sentences(3, 1, 6, 6)
    h = encoder(x, mask)

    assert h.shape == (4, encoder.out_features)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(encoder(x[order], mask[order]), h[order], **EXACT)
    torch.testing.assert_close(encoder(x[:1, :3], mask[:1, :3]), h[:1], **EXACT)
    torch.testing.assert_close(encoder(x.masked_fill(~mask, 7), mask), h, **EXACT)
    for side in ((0, 5), (5, 0), (2, 2)):
        torch.testing.assert_close(encoder(F.pad(x, side), F.pad(mask, side)), h, **EXACT)
    assert not torch.allclose(h[2], h[3])


@pytest.mark.parametrize("name", ENCODERS)
def test_every_parameter_of_an_encoder_learns(name: str) -> None:
    encoder = make_encoder(name)
    x, mask = sentences(3, 6)
    # A norm's sum is constant, so that plain sums would hide what lies behind it.
    encoder(x, mask).pow(3).sum().backward()

    for label, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.norm() > 0, label


@pytest.mark.parametrize(("name", "inject"), [*CAUSAL, *PAIRS])
def test_step_repeated_equals_teacher_forcing(name: str, inject: list[str] | None) -> None:
    decoder = make_decoder(name, inject)
    x, mask = sentences(3, 1, 6)
    z = torch.randn(2, 3, LATENT, dtype=dtype_of(name))
    log_prob = decoder.log_prob(x, mask, z)

    for s in range(2):
        total, state = z.new_zeros(3), decoder.start(z[s])
        tokens = torch.full((3,), BOS)
        for t in range(x.shape[1]):
            logits, state = decoder.step(tokens, state)
            tokens = x[:, t]
            found = logits.log_softmax(dim=-1).gather(1, tokens[:, None])[:, 0]
            total = total + found.where(mask[:, t], 0.0)
            assert all(len(value) == 3 for value in state.values())
        torch.testing.assert_close(log_prob[s], total, **EXACT)
    assert not torch.allclose(log_prob[0], log_prob[1], rtol=1e-3)  # it depends on z


@pytest.mark.parametrize(("name", "inject"), [*CAUSAL, *PAIRS])
def test_decoder_contract(name: str, inject: list[str] | None) -> None:
    decoder = make_decoder(name, inject)
    x, mask = sentences(3, 1, 6)
    z = torch.randn(2, 3, LATENT, dtype=dtype_of(name), requires_grad=True)
    log_prob = decoder.log_prob(x, mask, z)

    assert log_prob.shape == (2, 3) and (log_prob < 0).all()
    log_prob.sum().backward()
    assert (z.grad.norm(dim=-1) > 0).all()
    if name != "bart":  # of whose position table two rows are spare
        for label, parameter in decoder.named_parameters():
            assert parameter.grad is not None and parameter.grad.norm() > 0, label
    for side in ((0, 5), (5, 0), (2, 2)):
        padded = decoder.log_prob(F.pad(x, side), F.pad(mask, side), z)
        torch.testing.assert_close(padded, log_prob, **EXACT)
    alone = decoder.log_prob(x[:1, :3], mask[:1, :3], z[:, :1])
    torch.testing.assert_close(alone, log_prob[:, :1], **EXACT)


@pytest.mark.parametrize(
    ("name", "inject"), [("gpt2", INJECTIONS[-1]), ("llama", None), ("t5", None)]
)
def test_the_future_does_not_change_the_past(name: str, inject: list[str] | None) -> None:
    decoder = make_decoder(name, inject)
    x, mask = sentences(6)
    z = torch.randn(1, 1, LATENT, dtype=torch.float64)
    other, upto = x.clone(), mask.clone()
    other[:, 3:6] = x[:, [5, 4, 3]]
    upto[:, 3:] = False

    torch.testing.assert_close(decoder.log_prob(other, upto, z), decoder.log_prob(x, upto, z))
    assert not torch.allclose(decoder.log_prob(other, mask, z), decoder.log_prob(x, mask, z))


def make_vae(encoder: str, decoder: str, inject: list[str] | None) -> SentenceVAE:
    e = make_encoder(encoder)
    q = GaussianPosterior(e.out_features, LATENT)
    return SentenceVAE(e, q, StandardNormal(LATENT), make_decoder(decoder, inject)).double().eval()


def by_hand(decoder: TransformerDecoder, sentence: list[int], z: Tensor) -> Tensor:
    """log p(x | z) word after word through the library's whole model, which keeps no cache."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = dict(decoder.stored_args()["config"])
    config = AutoConfig.for_model(config.pop("model_type"), **config)
    pair = config.is_encoder_decoder
    whole = (AutoModelForSeq2SeqLM if pair else AutoModelForCausalLM).from_config(config)
    whole.set_output_embeddings(decoder.to_logits)
    if pair:
        whole.base_model.decoder = decoder.model
    else:
        setattr(whole, whole.base_model_prefix, decoder.model)
    whole.double().eval()

    added = decoder.ways["embedding"](z) if "embedding" in decoder.ways else 0.0
    before = z.new_zeros(0, decoder.model.get_input_embeddings().embedding_dim)
    if "prefix" in decoder.ways:
        before = decoder.ways["prefix"](z).view(decoder.slots, -1)
    total = z.new_zeros(())
    for t, token in enumerate(sentence):
        read = torch.tensor([BOS, *sentence[:t]])
        embedded = decoder.model.get_input_embeddings()(read) + added
        inputs = torch.cat([before, embedded])[None]
        if pair:
            seen = decoder.ways["cross"](z).view(1, decoder.slots, -1)
            logits = whole(encoder_outputs=(seen,), decoder_inputs_embeds=inputs).logits
        else:
            logits = whole(inputs_embeds=inputs, use_cache=False).logits
        total = total + logits[0, -1].log_softmax(dim=0)[token]
    return total


@pytest.mark.parametrize(
    ("encoder", "decoder", "inject"),
    [
        ("bert", "gpt2", ["prefix", "embedding"]),
        ("modernbert", "llama", ["prefix"]),
        ("t5", "t5", None),
        ("distilbert", "bart", ["embedding"]),
    ],
)
@torch.no_grad()
def test_terms_are_what_a_loop_by_hand_finds(
    encoder: str, decoder: str, inject: list[str] | None
) -> None:
    vae = make_vae(encoder, decoder, inject)
    x, mask = sentences(3, 1, 6)
    terms = vae(Batch(x, mask, x, mask, torch.arange(3)), num_samples=2)

    for s in range(2):
        for row, length in enumerate((3, 1, 6)):
            found = by_hand(vae.decoder, x[row, :length].tolist(), terms.z[s, row])
            torch.testing.assert_close(terms.log_px_z[s, row], found, **EXACT)


@torch.no_grad()
def test_memory_is_the_past_of_every_layer() -> None:
    from transformers import DynamicCache

    decoder = make_decoder("gpt2", ["memory"])
    x, mask = sentences(6)
    z = torch.randn(1, LATENT, dtype=torch.float64)
    keys_and_values = decoder.ways["memory"](z).view(decoder.slots, 2, 2, 2, 4)
    past = DynamicCache()
    for i in range(2):  # (M, layer, key or value, head, size)
        keys, values = keys_and_values[:, i].permute(1, 2, 0, 3)[:, None]
        past.update(keys, values, i)
    read = torch.cat([torch.tensor([[BOS]]), x[:, :-1]], dim=1)
    h = decoder.model(input_ids=read, past_key_values=past).last_hidden_state
    found = decoder.to_logits(h).log_softmax(dim=-1)[0, torch.arange(6), x[0]].sum()

    torch.testing.assert_close(decoder.log_prob(x, mask, z[None])[0, 0], found)


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_search_finds_what_it_would_find_without_a_cache(strategy: str) -> None:
    """Rows leave the batch, and beams change places, with their keys and values."""
    from textvae.decoding import decode

    decoder = make_decoder("gpt2", INJECTIONS[-1])
    z = 2 * torch.randn(5, LATENT, dtype=torch.float64)

    class Forgetful:
        """Reads the whole sentence anew at each step."""

        latent_dim = LATENT

        def start(self, z: Tensor) -> dict[str, Tensor]:
            return {"z": z, "read": torch.zeros(len(z), 0, dtype=torch.long)}

        def step(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict]:
            read, z = torch.cat([state["read"], tokens[:, None]], dim=1), state["z"]
            inputs = decoder._add(decoder._embed(read), z)
            inputs = torch.cat([decoder._prefix(z), inputs], dim=1)
            h, _ = decoder._run(inputs, z, decoder._memory(z), keep=False)
            return decoder._logits(h[:, -1]), {"z": z, "read": read}

    options = {"seed": 0} if strategy == "sample" else {}
    found = decode(decoder, z, strategy, max_length=12, **options)
    assert found == decode(Forgetful(), z, strategy, max_length=12, **options)
    assert strategy == "greedy" or len({len(sentence) for sentence in found}) > 1


def test_a_sentence_ends_where_the_positions_do() -> None:
    from textvae.decoding import greedy

    decoder = make_decoder("gpt2", ["prefix"])

    def talkative(tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        logits, state = decoder.step(tokens, state)
        return logits.index_add(1, torch.tensor([EOS]), logits.new_full((2, 1), -1e9)), state

    written = greedy(talkative, decoder.start(torch.zeros(2, LATENT).double()))

    assert [len(sentence) for sentence in written] == [24 - 2] * 2


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


def test_gradient_checkpointing_changes_no_gradient() -> None:
    x, mask = sentences(3, 6)
    z = torch.randn(1, 2, LATENT, dtype=torch.float64)
    gradients = []
    for checkpointing in (False, True):
        options = {"gradient_checkpointing": checkpointing}
        encoder = make_encoder("bert", **options)
        decoder = make_decoder("gpt2", ["prefix", "embedding"], **options)
        for part in (encoder, decoder):
            part.train()
            for module in part.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
        (encoder(x, mask).pow(3).sum() + decoder.log_prob(x, mask, z).sum()).backward()
        gradients.append([p.grad for part in (encoder, decoder) for p in part.parameters()])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("options", [{}, {"trainable": "lora"}, {"attention": "eager"}])
def test_what_is_saved_says_the_same_when_loaded(options: dict[str, Any], tmp_path: Path) -> None:
    if options.get("trainable") == "lora":
        pytest.importorskip("peft")
    texts = ["a b c", "c a", "b"]
    tokenizer = WordTokenizer()
    tokenizer.fit(texts)
    torch.manual_seed(0)
    encoder = TransformerEncoder(tokenizer.vocab_size, ENCODERS["bert"], **options)
    decoder = TransformerDecoder(tokenizer.vocab_size, LATENT, DECODERS["llama"], **options)
    with torch.no_grad():
        for parameter in [*encoder.parameters(), *decoder.parameters()]:
            parameter.add_(0.1 * torch.randn_like(parameter))
    parts = encoder, GaussianPosterior(8, LATENT), StandardNormal(LATENT), decoder
    vae = TextVAE(SentenceVAE(*parts), tokenizer)
    vae.save(tmp_path / "model")
    again = TextVAE.load(tmp_path / "model")

    torch.testing.assert_close(again.score(texts, samples=5), vae.score(texts, samples=5))
    assert again.reconstruct(texts, "beam") == vae.reconstruct(texts, "beam")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["decoder"]["init_args"]["config"]["model_type"] == "llama"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: make_decoder("gpt2", []), "'inject' must be some of prefix"),
        (lambda: make_decoder("gpt2", ["prefix"], slots=0), "'slots' must be at least 1, got 0"),
        (
            lambda: make_decoder("gpt2", ["memory"], gradient_checkpointing=True),
            "'inject' must not have memory with 'gradient_checkpointing'",
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


@pytest.mark.parametrize(("name", "inject"), [*CAUSAL[4::5], *PAIRS[::4]])
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
