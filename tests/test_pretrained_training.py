"""How pretrained models learn: from where they were, with dropout, at a share of the rate."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from textvae.data import PretrainedTokenizer, TextData
from textvae.data.batching import OrderedLoader, collate
from textvae.decoders import LSTMDecoder, TransformerDecoder
from textvae.encoders import GRUEncoder, TransformerEncoder
from textvae.objectives import BetaELBO
from textvae.posteriors import GaussianPosterior, VonMisesFisherPosterior
from textvae.priors import StandardNormal
from textvae.training import ConstantRate, Joint, LitTextVAE
from textvae.training.callbacks import CollapseDoctor
from textvae.vae import SentenceVAE

from .helpers import quiet_trainer
from .pretrained_folders import TEXTS
from .transformer_pairs import DECODERS


@pytest.mark.parametrize("trainable", ["lora", "none", 1])
def test_tuning_begins_where_the_model_was(gpt2: Path, trainable: Any) -> None:
    if trainable == "lora":
        pytest.importorskip("peft")
    tokenizer = PretrainedTokenizer(str(gpt2))
    batch = collate(tokenizer.encode(TEXTS), range(len(TEXTS)))
    z = torch.zeros(1, len(TEXTS), 0)
    size = tokenizer.vocab_size
    plain = TransformerDecoder(size, 0, pretrained=str(gpt2)).eval()
    tuned = TransformerDecoder(size, 0, pretrained=str(gpt2), trainable=trainable).eval()

    before = plain.log_prob(batch.target, batch.target_mask, z)
    torch.testing.assert_close(tuned.log_prob(batch.target, batch.target_mask, z), before)
    learning = [name for name, p in tuned.named_parameters() if p.requires_grad]
    assert bool(learning) == (trainable != "none")
    assert all("lora" in name for name in learning) or trainable == 1


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        ("gpt2", ["prefix", "embedding", "memory"]),
        ("llama", ["prefix", "embedding", "memory"]),
        ("t5", ["memory"]),
    ],
)
def test_latents_begin_as_large_as_what_the_model_has(kind: str, ways: list[str]) -> None:
    """By root mean squares over 64 latents of 32 dimensions, to a third: no number is far off."""
    torch.manual_seed(0)
    wide = {"gpt2": {"n_embd": 64}, "llama": {"hidden_size": 64}, "t5": {"d_model": 64}}[kind]
    config = {**DECODERS[kind], **wide}
    decoder = TransformerDecoder(50, 32, config=config, inject=ways).eval()
    model, z = decoder.model, torch.randn(64, 32)
    embedded = model.get_input_embeddings()(torch.arange(4, 24)[None])  # (1, T, E)
    # Of a whole pair it is the decoder, which wants something to attend to.
    seen = {"encoder_hidden_states": torch.randn(1, 3, 64)} if kind == "t5" else {}
    cache = model(inputs_embeds=embedded, use_cache=True, **seen).past_key_values
    cache = getattr(cache, "self_attention_cache", cache)
    layers = [(layer.keys, layer.values) for layer in cache.layers]
    own = {
        "prefix": rms(embedded),
        "embedding": rms(embedded) / 2,
        "memory": rms(torch.cat([part.flatten() for pair in layers for part in pair])),
    }
    for way in ways:
        assert rms(decoder.ways[way](z)) == pytest.approx(own[way], rel=1 / 3), way


def rms(values: torch.Tensor) -> float:
    return values.pow(2).mean().sqrt().item()


def test_the_rate_that_is_told_is_the_one_that_was_asked_for(roberta: Path) -> None:
    """Whatever share of it the parameters take that come first."""
    encoder = TransformerEncoder(10, pretrained=str(roberta), lr_scale=0.02)
    vae = SentenceVAE(encoder, GaussianPosterior(8, 4), StandardNormal(4), LSTMDecoder(10, 4))
    module = LitTextVAE(
        vae, BetaELBO(1.0), Joint(), partial(torch.optim.SGD, lr=0.5), ConstantRate()
    )
    groups = module.configure_optimizers().param_groups

    assert [group["lr"] for group in groups] == [0.5, 0.01]
    assert sum(len(group["params"]) for group in groups) == len(list(vae.parameters()))


@pytest.mark.parametrize("trainable", ["all", "lora", 1, "none"])
def test_what_is_loaded_learns_with_dropout(
    gpt2: Path, roberta: Path, tmp_path: Path, trainable: Any
) -> None:
    if trainable == "lora":
        pytest.importorskip("peft")
    options = {"trainable": trainable, "lr_scale": 0.5}
    encoder = TransformerEncoder(10, pretrained=str(roberta), **options)
    decoder = TransformerDecoder(260, 4, pretrained=str(gpt2), **options)
    parts = encoder, GaussianPosterior(8, 4), StandardNormal(4), decoder
    seen = []

    class Look(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *batch: Any) -> None:
            seen.append([part.model.training for part in (encoder, decoder)])
            seen[-1].append([group["lr"] for group in trainer.optimizers[0].param_groups])

    module = LitTextVAE(
        SentenceVAE(*parts),
        BetaELBO(1.0),
        Joint(),
        partial(torch.optim.SGD, lr=0.1),
        ConstantRate(),
    )
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.txt").write_text("\n".join(TEXTS[:3]))
    data = TextData(
        str(tmp_path),
        tokenizer=PretrainedTokenizer(str(gpt2)),
        encoder_tokenizer=PretrainedTokenizer(str(roberta)),
    )
    # The second epoch follows a validation.
    quiet_trainer(tmp_path, callbacks=[Look()], max_epochs=2).fit(module, data)
    learns = trainable != "none"
    assert len(seen) == 2
    for reads, writes, found in seen:
        assert reads == writes == learns and sorted(found) == [0.05, 0.1]
    own = {id(p) for part in (encoder, decoder) for p in part.own_parameters()}
    assert id(decoder.ways["memory"].weight) not in own
    assert id(decoder.to_logits.weight) in own


def test_the_doctor_would_keep_what_is_pretrained(gpt2: Path) -> None:
    """Its advice is none that takes the place of the model."""
    q = VonMisesFisherPosterior(8, 4, concentration=60.0)
    decoder = TransformerDecoder(260, 4, pretrained=str(gpt2))
    vae = SentenceVAE(GRUEncoder(260, 6, 8), q, q.prior_cls(4), decoder)
    tokens = PretrainedTokenizer(str(gpt2)).encode(TEXTS)
    verdict = CollapseDoctor().verdict(vae, OrderedLoader(tokens, [list(range(len(TEXTS)))]))

    assert verdict["collapsed"] and "--config method/encoder_first" in verdict["advice"]
    assert "--decoder convolutional" not in verdict["advice"]
