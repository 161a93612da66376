"""A model for others: its card, sentence-transformers, scikit-learn."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

import textvae
from textvae.api import TextVAE
from textvae.data import PretrainedTokenizer, WordTokenizer
from textvae.decoders import GRUDecoder
from textvae.encoders import GRUEncoder, TransformerEncoder
from textvae.errors import UsageError
from textvae.posteriors import BatchNormPosterior, GaussianPosterior, VonMisesFisherPosterior
from textvae.posteriors.base import Posterior
from textvae.vae import SentenceVAE

from .corpora import TINY, A, B
from .test_pretrained import TEXTS, write_tokenizer
from .transformer_pairs import ENCODERS


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT by words, whose tokenizer adds the special tokens by itself."""
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    marks = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = write_tokenizer(folder, {**marks, "unk_token": "[UNK]"}, byte_level=False)
    ends = [("[CLS]", tokenizer.cls_token_id), ("[SEP]", tokenizer.sep_token_id)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    tokenizer.save_pretrained(folder)
    options = {k: v for k, v in ENCODERS["bert"].items() if k != "model_type"}
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), initializer_range=0.5, **options)
    BertModel(config).save_pretrained(folder)
    return folder


def model_of(encoder: torch.nn.Module, reader: object, P: type[Posterior]) -> TextVAE:
    writer = WordTokenizer()
    writer.fit(TEXTS)
    posterior = P(encoder.out_features, latent_dim=4)
    prior, decoder = posterior.prior_cls(4), GRUDecoder(writer.vocab_size, 4, 6, 8)
    return TextVAE(SentenceVAE(encoder, posterior, prior, decoder), writer, reader)


@pytest.mark.parametrize("P", [GaussianPosterior, BatchNormPosterior, VonMisesFisherPosterior])
@pytest.mark.parametrize("trainable", ["all", "lora"])
def test_sentence_transformers_gives_the_mode(
    bert: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    P: type[Posterior],
    trainable: str,
) -> None:
    library = pytest.importorskip("sentence_transformers")
    if trainable == "lora":
        pytest.importorskip("peft")
    torch.manual_seed(1)
    reader = PretrainedTokenizer(str(bert))
    encoder = TransformerEncoder(reader.vocab_size, pretrained=str(bert), trainable=trainable)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model = model_of(encoder, reader, P)

    assert model.save_sentence_transformer(tmp_path / "st")
    told = logging.getLogger("transformers")  # which hands nothing on
    told.addHandler(caplog.handler)
    loaded = library.SentenceTransformer(str(tmp_path / "st"), device="cpu")
    told.removeHandler(caplog.handler)
    assert "MISSING" not in caplog.text
    found = loaded.encode(TEXTS[:3], convert_to_tensor=True)
    torch.testing.assert_close(found, model.encode(TEXTS[:3]), rtol=1e-4, atol=1e-5)
    (tmp_path / "file").touch()
    for name in ("st", "file"):
        with pytest.raises(UsageError, match=f"{name} exists; choose another"):
            model.save_sentence_transformer(tmp_path / name)
    with pytest.raises(UsageError, match="file exists and is not a model folder; choose another"):
        model.save_pretrained(tmp_path / "file")


def test_a_model_that_the_library_would_load_as_another_goes_by_our_module(
    tmp_path: Path,
) -> None:
    """Of a T5, we have the encoder alone, and the library loads the weights of a whole one."""
    library = pytest.importorskip("sentence_transformers")
    from tokenizers.processors import TemplateProcessing
    from transformers import T5Config, T5EncoderModel

    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = write_tokenizer(tmp_path / "t5", marks, byte_level=False)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.eos_token_id)]
    )
    tokenizer.save_pretrained(tmp_path / "t5")
    options = {k: v for k, v in ENCODERS["t5"].items() if k != "model_type"}
    T5EncoderModel(T5Config(vocab_size=len(tokenizer), **options)).save_pretrained(tmp_path / "t5")
    reader = PretrainedTokenizer(str(tmp_path / "t5"))
    encoder = TransformerEncoder(reader.vocab_size, pretrained=str(tmp_path / "t5"))
    model = model_of(encoder, reader, GaussianPosterior)

    assert not model.save_sentence_transformer(tmp_path / "st")
    loaded = library.SentenceTransformer(
        str(tmp_path / "st"), device="cpu", trust_remote_code=True
    )
    found = loaded.encode(TEXTS[:3], convert_to_tensor=True)
    torch.testing.assert_close(found, model.encode(TEXTS[:3]), rtol=1e-4, atol=1e-5)


def test_any_model_goes_by_our_module(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    model = model_of(GRUEncoder(tokenizer.vocab_size, 6, 8), None, GaussianPosterior)

    assert not model.save_sentence_transformer(tmp_path / "st")
    loaded = library.SentenceTransformer(
        str(tmp_path / "st"), device="cpu", trust_remote_code=True
    )
    found = loaded.encode(TEXTS, convert_to_tensor=True)
    torch.testing.assert_close(found, model.encode(TEXTS), rtol=1e-4, atol=1e-5)


def test_scikit_learn_takes_a_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from textvae.sklearn import SentenceEncoder

    monkeypatch.chdir(place)
    encoder = clone(SentenceEncoder("runs/tiny"))
    z = encoder.fit_transform([A, B])
    np.testing.assert_allclose(z, textvae.load("tiny").encode([A, B]).numpy(), rtol=1e-6)
    assert list(encoder.get_feature_names_out()) == ["z0", "z1", "z2", "z3"]
    pipeline = make_pipeline(SentenceEncoder("tiny"), LogisticRegression())
    assert pipeline.fit([A, B] * 4, [0, 1] * 4).score([A, B], [0, 1]) == 1.0
    with pytest.raises(TypeError, match="put a single one into brackets"):
        encoder.transform(A)
    with pytest.raises(UsageError, match="'options' are for training"):
        SentenceEncoder("tiny", options=["--seed", "1"]).fit([A])


def test_scikit_learn_trains(cache: Path) -> None:
    from textvae.sklearn import SentenceEncoder

    options = [o for o in TINY if "data" not in o and o not in ("256", "40", "32")]
    texts = [f"{word} {n} sat" for word in ("cats", "dogs") for n in range(30)]
    encoder = SentenceEncoder(options=[*options, "--data.tokenizer", "WordTokenizer"])
    assert encoder.fit(texts).transform(texts[:3]).shape == (3, 4)


def test_the_card_tells_the_report(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    model = textvae.load("tiny")
    model.save_pretrained(tmp_path / "cats", "me/cats")
    card = (tmp_path / "cats" / "README.md").read_text()
    report = json.loads((place / "runs" / "tiny" / "report.json").read_text())

    assert card.startswith("---\nlibrary_name: textvae\n") and "# me/cats" in card
    assert 'from_pretrained("me/cats")' in card and "vector of 4 numbers" in card
    assert f"{report['nll_iw']:.2f}" in card and "| decoder | LSTMDecoder |" in card
    # What is shared has its report, and so has what is shared again.
    again = TextVAE.from_pretrained(tmp_path / "cats")
    assert again.report == report
    again.save_pretrained(tmp_path / "dogs")
    assert (tmp_path / "dogs" / "README.md").read_text() == card.replace("me/cats", "dogs")
    torch.testing.assert_close(again.encode([A]), model.encode([A]))


def test_a_card_without_a_report(tmp_path: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    model = model_of(GRUEncoder(tokenizer.vocab_size, 6, 8), None, GaussianPosterior)
    model.save_pretrained(tmp_path / "cats")

    assert "without the report" in (tmp_path / "cats" / "README.md").read_text()
    assert not (tmp_path / "cats" / "report.json").exists()
