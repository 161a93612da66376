"""TextVAE on strings, and its folder on disk."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
import torch

import textvae
from textvae.api import TextVAE
from textvae.data.batching import collate
from textvae.data.words import WordTokenizer
from textvae.decoders import Decoder, GRUDecoder, LSTMDecoder, TransformerDecoder
from textvae.encoders import LSTMEncoder
from textvae.errors import UsageError
from textvae.posteriors import GaussianPosterior, PointPosterior, Posterior
from textvae.priors import StandardNormal
from textvae.vae import SentenceVAE

from .helpers import leaves

TEXTS = ["the cat sat", "a dog", "the dog ran to a cat", "", "a cat ran"]


def make(P: type[Posterior] = GaussianPosterior, D: type[Decoder] = LSTMDecoder) -> TextVAE:
    torch.manual_seed(0)
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    encoder = LSTMEncoder(tokenizer.vocab_size, 6, 8)
    posterior = P(encoder.out_features, latent_dim=4)
    prior = posterior.prior_cls(4)
    vae = SentenceVAE(encoder, posterior, prior, D(tokenizer.vocab_size, 4, 6, 8))
    for parameter in vae.parameters():  # livelier than at birth
        torch.nn.init.normal_(parameter, std=0.7)
    return TextVAE(vae, tokenizer)


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
def test_half_precision_writes_sentences_as_likely(strategy: str) -> None:
    vae = textvae.load("demo")
    z = vae.draw(60)

    def nll(precision: str) -> float:
        lines = vae.decode(z, strategy=strategy, precision=precision)
        batch = collate(vae.tokens(lines), range(60))
        return -vae.vae.log_prob(batch, z[None]).mean().item()

    # Where two words are all but equally likely, rounding decides, and others follow.
    assert nll("bf16-mixed") == pytest.approx(nll("32"), rel=0.03)


def test_half_precision_encodes_to_nearby_latents() -> None:
    vae, texts = make(), TEXTS * 20
    exact, half = vae.encode(texts), vae.encode(texts, precision="bf16-mixed")
    assert half.dtype == torch.float32 and not torch.equal(half, exact)
    # A part in 256 of the states, which are under 1, through weights of a standard deviation of
    # 0.7 and a few steps.
    torch.testing.assert_close(half, exact, rtol=0, atol=0.05)


def test_half_precision_of_a_gpu_is_refused_on_a_processor() -> None:
    for call in (
        lambda: make().decode(torch.zeros(1, 4), precision="16-mixed"),
        lambda: make().encode(TEXTS, precision="16-mixed"),
    ):
        with pytest.raises(UsageError, match="16-mixed needs a GPU: take bf16-mixed"):
            call()


def test_encode_keeps_the_order_and_ignores_the_company() -> None:
    vae = make()
    z = vae.encode(TEXTS)

    assert z.shape == (5, 4)
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(vae.encode([text])[0], z[row])
    assert vae.encode([]).shape == (0, 4)


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
def test_decode_keeps_the_order_and_ignores_the_company(strategy: str) -> None:
    vae = make()
    z = torch.randn(7, 4, generator=torch.Generator().manual_seed(3))
    together = vae.decode(z, strategy, max_length=12)

    assert together == [vae.decode(row[None], strategy, max_length=12)[0] for row in z]
    assert len(set(together)) > 1
    assert vae.decode(z[:0]) == []


def test_reconstruct_is_decoding_what_was_encoded() -> None:
    vae = make()

    assert vae.reconstruct(TEXTS) == vae.decode(vae.encode(TEXTS))


@pytest.mark.parametrize("P", [P for P in leaves(Posterior)])
def test_interpolate_ends_at_the_reconstructions(P: type[Posterior]) -> None:
    vae = make(P)
    lines = vae.interpolate("the cat sat", "a dog", steps=5)

    assert len(lines) == 5
    assert [lines[0], lines[-1]] == vae.reconstruct(["the cat sat", "a dog"])


def test_sample_depends_on_its_seed() -> None:
    vae = make()

    assert vae.sample(6, seed=1) == vae.sample(6, seed=1)
    assert vae.sample(6, seed=1) != vae.sample(6, seed=2)
    assert len(vae.sample(3, "greedy")) == 3


def test_words_are_drawn_independently_of_their_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, latents, noise, rand = make(), [], [], torch.rand
    decode = vae.decode
    monkeypatch.setattr(
        vae, "decode", lambda z, *args, **options: latents.append(z) or decode(z, *args, **options)
    )
    monkeypatch.setattr(
        torch, "rand", lambda *size, **options: noise.append(rand(*size, **options)) or noise[-1]
    )
    for seed in range(400):
        vae.sample(4, seed=seed, max_length=16)
    pairs = torch.cat([torch.stack(latents)[:, 0].abs(), torch.stack(noise)[:, 0]], dim=1).T

    # 64 pairs, each with a standard deviation of 0.05; from one seed for both, it was 0.7.
    assert torch.corrcoef(pairs)[:4, 4:].abs().max() < 5 * 400**-0.5


def test_sampling_leaves_the_random_state_alone() -> None:
    vae = make()
    before = torch.get_rng_state()
    vae.sample(3)
    vae.score(TEXTS, samples=2)

    assert torch.equal(torch.get_rng_state(), before)


def test_score_agrees_with_the_evaluation() -> None:
    vae = make()

    assert vae.evaluate(TEXTS, samples=5).nll_iw == pytest.approx(
        vae.score(TEXTS, samples=5).mean().item()
    )


def test_refusals() -> None:
    vae = make()
    with pytest.raises(UsageError, match="cannot interpolate an empty sentence"):
        vae.interpolate("a dog", "  ")
    with pytest.raises(
        UsageError, match=r"latents have shape \(N, 4\) for this model, got \(2,\)"
    ):
        vae.decode(torch.zeros(2))


def test_a_string_is_no_list_of_sentences() -> None:
    vae = make()
    for method in (vae.encode, vae.reconstruct, vae.score, vae.evaluate):
        with pytest.raises(TypeError, match="put a single one into brackets"):
            method("a dog")
        with pytest.raises(TypeError, match="Sentence 2 is no text: nan"):
            method(["a dog", float("nan")])


def test_a_language_model_samples_and_scores_but_does_not_encode() -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    decoder = LSTMDecoder(tokenizer.vocab_size, 0, 6, 8)
    model = TextVAE(SentenceVAE(None, None, None, decoder), tokenizer)

    assert len(model.sample(3)) == 3 and model.score(TEXTS).shape == (5,)
    with pytest.raises(UsageError, match="a language model has no latents"):
        model.encode(TEXTS)


# tests/test_transformers.py saves transformers.
@pytest.mark.parametrize("D", [D for D in leaves(Decoder) if D is not TransformerDecoder])
@pytest.mark.parametrize("P", leaves(Posterior))
def test_a_saved_model_is_the_same_model(
    tmp_path: Path, P: type[Posterior], D: type[Decoder]
) -> None:
    vae = make(P, D)
    vae.save(tmp_path / "model")
    again = textvae.load(tmp_path / "model")

    assert torch.equal(again.encode(TEXTS), vae.encode(TEXTS))
    if P is not PointPosterior:  # which has no likelihood
        assert torch.equal(again.score(TEXTS, samples=3), vae.score(TEXTS, samples=3))
    assert again.sample(5) == vae.sample(5)


def test_tied_embeddings_and_a_language_model_survive(tmp_path: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXTS)
    decoder = GRUDecoder(tokenizer.vocab_size, 0, 8, 8, tie_embeddings=True)
    model = TextVAE(SentenceVAE(None, None, None, decoder), tokenizer)
    model.save(tmp_path / "lm")
    again = TextVAE.load(tmp_path / "lm")

    assert again.vae.decoder.to_logits.weight is again.vae.decoder.embedding.weight
    assert torch.equal(again.score(TEXTS), model.score(TEXTS))


def test_nothing_in_the_folder_is_pickled(tmp_path: Path) -> None:
    make().save(tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").rglob("*") if path.is_file()}

    assert {"config.json", "model.safetensors"} <= names
    for path in (tmp_path / "model").rglob("*"):
        assert path.is_dir() or path.suffix in {".json", ".safetensors"}, path


def test_saving_again_replaces_and_saving_elsewhere_refuses(tmp_path: Path) -> None:
    vae = make()
    vae.save(tmp_path / "model")
    vae.save(tmp_path / "model")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")

    with pytest.raises(UsageError, match="exists and is not a model folder; choose another"):
        vae.save(tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "model"]


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = make()
    vae.save(tmp_path / "model")
    before = vae.encode(TEXTS)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(WordTokenizer, "save", full)
    with pytest.raises(UsageError, match="No space left on device.*free some space"):
        vae.save(tmp_path / "model")
    monkeypatch.undo()

    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert torch.equal(TextVAE.load(tmp_path / "model").encode(TEXTS), before)


def test_models_go_to_the_hub_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder stands in for the hub."""

    def create_repo(self: object, name: str, private: bool, exist_ok: bool) -> str:
        assert private and exist_ok
        (tmp_path / name).mkdir(parents=True)
        return f"https://huggingface.co/{name}"

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        if not (tmp_path / name).is_dir():
            raise OSError(f"{name} not found\nat length")
        return str(tmp_path / name)

    def upload_folder(self: object, repo_id: str, folder_path: Path) -> None:
        shutil.copytree(folder_path, tmp_path / repo_id, dirs_exist_ok=True)

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", create_repo)
    monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", upload_folder)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    vae = make()

    assert vae.push_to_hub("me/cats", private=True) == "https://huggingface.co/me/cats"
    assert torch.equal(TextVAE.from_pretrained("me/cats").encode(TEXTS), vae.encode(TEXTS))
    with pytest.raises(UsageError, match=r"cannot upload to me/cats \(.*\); log in by hf auth"):
        vae.push_to_hub("me/cats", private=True)  # which the folder refuses to make again
    # A stranger's folder imports nothing of its own choice.
    path = tmp_path / "me/cats/config.json"
    config = json.loads(path.read_text())
    config["decoder"]["class_path"] = "antigravity.Decoder"
    path.write_text(json.dumps(config))
    with pytest.raises(UsageError, match="no part of textvae; import antigravity before"):
        TextVAE.from_pretrained("me/cats")
    assert "antigravity" not in sys.modules
    with pytest.raises(UsageError, match=r"^no folder me/dogs, .* \(me/dogs not found\); check"):
        textvae.load("me/dogs")
    with pytest.raises(UsageError, match="no run named dogs"):
        textvae.load("dogs")
    with pytest.raises(UsageError, match=f"no run named {tmp_path.name}/dogs"):
        monkeypatch.chdir(tmp_path.parent)
        textvae.load(f"{tmp_path.name}/dogs")


def damage(folder: Path, how: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    if how == "no config":
        (folder / "config.json").unlink()
    elif how == "half a config":
        (folder / "config.json").write_text('{"format": 1, "decoder"')
    elif how == "foreign config":
        (folder / "config.json").write_text('{"model_type": "bert"}')
    elif how == "newer format":
        (folder / "config.json").write_text(json.dumps({**config, "format": 99}))
    elif how == "no tensors":
        (folder / "model.safetensors").unlink()
    elif how == "cut tensors":
        data = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    elif how == "other sizes":
        config["posterior"]["init_args"]["latent_dim"] = 5
        (folder / "config.json").write_text(json.dumps(config))
    elif how == "a class that is none of ours":
        config["decoder"] = {"class_path": "os.system", "init_args": {"command": "true"}}
        (folder / "config.json").write_text(json.dumps(config))
    elif how == "no tokenizer":
        shutil.rmtree(folder / "tokenizer")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no config", "is not a run folder"),
        ("half a config", "config.json is damaged"),
        ("foreign config", "config.json is not that of a textvae model"),
        ("newer format", "has format 99, this version reads 1; update textvae"),
        ("no tensors", "is damaged or not a textvae model"),
        ("cut tensors", "is damaged or not a textvae model"),
        ("other sizes", "is damaged or not a textvae model"),
        ("a class that is none of ours", "the model names os.system, which is no Decoder"),
        ("no tokenizer", "tokenizer"),
    ],
)
def test_a_damaged_folder_is_named_in_one_line(tmp_path: Path, how: str, message: str) -> None:
    make().save(tmp_path / "model")
    damage(tmp_path / "model", how)

    with pytest.raises(UsageError, match=message) as caught:
        TextVAE.load(tmp_path / "model")
    assert "\n" not in str(caught.value)


def test_importing_is_light() -> None:
    """The package itself imports no torch, and the API neither Lightning nor datasets."""
    check = (
        "import sys, textvae; assert 'torch' not in sys.modules; import textvae.api; "
        "print([m for m in ('pytorch_lightning', 'datasets', 'transformers') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = textvae.laod


def test_the_prior_is_the_default_of_the_posterior() -> None:
    assert GaussianPosterior.prior_cls is StandardNormal
