"""Pretrained models that are refused: unfinished, of another vocabulary, or with code."""

import json
from pathlib import Path
from typing import Any

import pytest

from textvae.api import TextVAE
from textvae.data import PretrainedTokenizer, WordTokenizer
from textvae.decoders import TransformerDecoder
from textvae.encoders import TransformerEncoder
from textvae.errors import UsageError
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.training import LitTextVAE
from textvae.vae import SentenceVAE
from textvae.wiring.build import build
from textvae.wiring.parser import instantiate
from textvae.wiring.request import parse

from .pretrained_folders import TEXTS, load, write_tokenizer
from .transformer_pairs import DECODERS, ENCODERS


@pytest.mark.parametrize("asked", [{"trust_remote_code": True}, {"pretrained": "some/model"}])
def test_a_model_folder_fetches_and_runs_nothing(tmp_path: Path, asked: dict[str, Any]) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    encoder = TransformerEncoder(tokenizer.vocab_size, ENCODERS["bert"])
    decoder = TransformerDecoder(tokenizer.vocab_size, 4, DECODERS["gpt2"])
    parts = encoder, GaussianPosterior(8, 4), StandardNormal(4), decoder
    TextVAE(SentenceVAE(*parts), tokenizer).save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    config["decoder"]["init_args"] |= asked
    path.write_text(json.dumps(config))

    with pytest.raises(UsageError, match="asks for code or weights from elsewhere"):
        TextVAE.load(tmp_path / "model")


def test_an_unfinished_model_is_refused(gpt2: Path, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2Model

    options = {k: v for k, v in DECODERS["gpt2"].items() if k != "model_type"}
    config = GPT2Config(vocab_size=257, tie_word_embeddings=False, **options)
    GPT2Model(config).save_pretrained(tmp_path)  # without what predicts the next word
    load(gpt2).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="has no weights for lm_head.weight of a GPT2LMHeadModel"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))
    TransformerEncoder(260, pretrained=str(tmp_path))


def test_tokens_of_another_tokenizer_are_refused_though_as_many(
    gpt2: Path, tmp_path: Path
) -> None:
    other = write_tokenizer(tmp_path, {"bos_token": "<s>", "eos_token": "<s>"}, byte_level=True)
    assert len(other) == len(load(gpt2))
    decoder = TransformerDecoder(260, 4, pretrained=str(gpt2))
    decoder.check_tokenizer(PretrainedTokenizer(str(gpt2)))
    with pytest.raises(UsageError, match="was trained with other tokens than those of the text"):
        decoder.check_tokenizer(PretrainedTokenizer(str(tmp_path)))

    # And so are they where a run is put together.
    text = tmp_path / "text"
    text.mkdir()
    for split in ("train", "valid", "test"):
        (text / f"{split}.txt").write_text("\n".join(TEXTS))
    options = ["--config", "method/lm", "--text", str(text), "--decoder", "TransformerDecoder"]
    options += ["--decoder.pretrained", str(gpt2), "--data.tokenizer", "PretrainedTokenizer"]
    built([*options, "--data.tokenizer.name", str(gpt2)])
    with pytest.raises(UsageError, match="was trained with other tokens than those of the text"):
        built([*options, "--data.tokenizer.name", str(tmp_path)])


def test_a_folder_without_its_tokenizer_is_refused(gpt2: Path, tmp_path: Path) -> None:
    """The library hands out an empty one, by which every sentence is of no token."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((gpt2 / name).read_bytes())
    with pytest.raises(UsageError, match="holds no vocabulary of a tokenizer; copy its files"):
        PretrainedTokenizer(str(tmp_path)).encode(TEXTS)
    with pytest.raises(UsageError, match="holds no vocabulary of a tokenizer; copy its files"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))


def test_damaged_weights_are_refused(gpt2: Path, tmp_path: Path) -> None:
    for path in gpt2.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 1000)
    with pytest.raises(UsageError, match="cannot build .* .its weights are damaged.; name a fold"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))
    (tmp_path / "config.json").unlink()
    with pytest.raises(UsageError, match="no config.json there says what model it is"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))


def built(options: list[str]) -> LitTextVAE:
    parts = instantiate(parse(options).config)
    del parts["trainer"]
    parts["data"].prepare()
    return build(**parts)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_model_with_another_vocabulary_is_refused(gpt2: Path, part: str, tmp_path: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    match = "has 260 tokens, and the text's tokenizer 13; take its own by --data.tokenizer Pretr"
    with pytest.raises(UsageError, match=match):
        if part == "encoder":
            TransformerEncoder(tokenizer.vocab_size, pretrained=str(gpt2))
        else:
            TransformerDecoder(tokenizer.vocab_size, 4, pretrained=str(gpt2))

    # A tokenizer of more tokens than the model has embeddings.
    from transformers import GPT2Config, GPT2LMHeadModel

    options = {k: v for k, v in DECODERS["gpt2"].items() if k != "model_type"}
    GPT2LMHeadModel(GPT2Config(vocab_size=100, **options)).save_pretrained(tmp_path)
    load(gpt2).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="has embeddings for 100 tokens, and its tokenizer 257"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))


def test_an_encoder_is_no_decoder(roberta: Path) -> None:
    with pytest.raises(UsageError, match="is an encoder, and a decoder is wanted"):
        TransformerDecoder(14, 4, pretrained=str(roberta))


def test_code_of_a_model_does_not_run_unasked(gpt2: Path, tmp_path: Path) -> None:
    config = json.loads((gpt2 / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('it ran')")

    with pytest.raises(UsageError, match="code of its own.*trust_remote_code: true"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))
