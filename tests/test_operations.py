"""Operations on a latent space, beside their definitions, in R^D and on a sphere."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch
from torch import Tensor

from textvae import operations
from textvae.api import TextVAE
from textvae.data import SentencePieceTokenizer, WordTokenizer
from textvae.data.batching import collate
from textvae.decoders import GRUDecoder
from textvae.decoding import decode
from textvae.encoders import GRUEncoder
from textvae.errors import UsageError
from textvae.operations.infill import Begun
from textvae.operations.lines import kl_per_dim, way
from textvae.operations.plot import plot_interpolation, plot_kl, plot_map
from textvae.operations.space import along, displaced, perturbed, unit
from textvae.operations.transfer import means
from textvae.operations.traverse import principal_axes
from textvae.posteriors import GaussianPosterior, VonMisesFisherPosterior
from textvae.vae import SentenceVAE

from .tiny import text_vae

TEXTS = [f"{a} {b} {c}" for a in "abc" for b in "bcd" for c in "cde"]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def model(sphere: bool) -> TextVAE:
    torch.manual_seed(0)
    tokenizer = WordTokenizer()
    tokenizer.fit(["a b c d e"])
    posterior = VonMisesFisherPosterior if sphere else GaussianPosterior
    return TextVAE(text_vae(posterior, 4).float(), tokenizer)


@pytest.fixture(params=[False, True], ids=["plane", "sphere"])
def vae(request: pytest.FixtureRequest) -> TextVAE:
    return model(request.param)


# Moving about


def test_a_displacement_on_a_sphere_is_the_rotation_in_one_plane() -> None:
    u, v = unit(drawn(5)), unit(drawn(5, seed=1))
    z = unit(drawn(20, 5, seed=2))
    moved = displaced(z, u, v, sphere=True)

    assert torch.allclose(displaced(u, u, v, True), v, atol=1e-12)
    assert torch.allclose(moved @ moved.T, z @ z.T, atol=1e-12)  # lengths and angles stay
    apart = z[0] - (z[0] @ u) * u
    basis = torch.linalg.qr(torch.stack([u, v], dim=1)).Q
    apart = unit(z[0] - basis @ (basis.T @ z[0]))
    assert torch.allclose(displaced(apart, u, v, True), apart, atol=1e-12)  # outside the plane
    assert torch.allclose(displaced(v, u, u, True), v, atol=1e-12)
    with pytest.raises(UsageError, match="opposite each other"):
        displaced(z, u, -u, True)
    assert torch.equal(displaced(z, u, v, False), z + v - u)


def test_a_walk_keeps_to_its_direction() -> None:
    amounts = torch.linspace(-2, 2, 5).double()
    z, v = drawn(4), unit(drawn(4, seed=1))
    points = along(z, 3 * v, amounts, sphere=False)
    assert torch.allclose(points @ v, amounts)
    assert torch.allclose(points - (points @ v)[:, None] * v, (z - (z @ v) * v).expand(5, 4))

    z = unit(z)
    points = along(z, v, amounts, sphere=True)
    assert torch.allclose(points.norm(dim=1), torch.ones(5).double())
    assert torch.allclose((points @ z).acos(), amounts.abs())
    assert (points[3:] @ v > points[2] @ v).all()
    with pytest.raises(UsageError, match="the latent is itself that direction"):
        along(z, z, amounts, True)


def test_noise_has_its_scale() -> None:
    z = unit(drawn(6))
    on = perturbed(z, 1000, 0.7, seed=0, sphere=True)
    assert torch.allclose((on @ z).acos(), torch.full((1000,), 0.7).double())
    noise = perturbed(z, 2000, 0.7, seed=0, sphere=False) - z
    # The variance of 12,000 draws: five standard errors.
    assert abs(noise.var().item() - 0.49) <= 5 * 0.49 * (2 / 12_000) ** 0.5
    assert torch.equal(perturbed(z, 3, 0.7, 1, True), perturbed(z, 3, 0.7, 1, True))


def test_axes_are_those_of_the_covariance() -> None:
    z = drawn(50, 4) * torch.tensor([3.0, 2.0, 1.0, 0.5]).double()
    mean, deviations, axes = principal_axes(z)
    values, vectors = np.linalg.eigh(np.cov(z.numpy().T))
    assert np.allclose(mean, z.mean(0)) and np.allclose(deviations**2, values[::-1])
    assert np.allclose(np.abs((axes.numpy() @ vectors[:, ::-1]).diagonal()), 1)
    assert len(principal_axes(z[:3])[2]) == 2


# Operations


def test_neighbours_are_the_nearest(vae: TextVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["textvae.operations.neighbors"], "CHUNK", 4)
    z, query = vae.encode(TEXTS).double(), vae.encode(["a a a"])[0].double()
    sphere = vae.vae.prior.path == "spherical"
    distances = (z @ query).clamp(max=1).acos() if sphere else (z - query).norm(dim=1)
    expected = distances.sort()

    (found,) = operations.neighbors(vae, ["a a a"], TEXTS, top=6)
    assert [one.distance for one in found] == pytest.approx(expected.values[:6].tolist(), abs=1e-3)
    assert [one.text for one in found] == [TEXTS[one.position] for one in found]
    (own,) = operations.neighbors(vae, [TEXTS[3]], TEXTS, top=1)
    assert own[0].text == TEXTS[3] and own[0].distance == pytest.approx(0, abs=1e-3)
    assert len(operations.neighbors(vae, ["a"], TEXTS, top=100)[0]) == len(TEXTS)


def test_an_index_finds_what_the_comparison_finds() -> None:
    pytest.importorskip("faiss")
    vae = model(sphere=True)
    exact, found = (
        operations.neighbors(vae, TEXTS, TEXTS, 3, index) for index in ("exact", "hnsw")
    )
    for one, other in zip(exact, found, strict=True):
        assert [n.distance for n in one] == pytest.approx([n.distance for n in other], abs=1e-3)
    with pytest.raises(UsageError, match="'index' must be one of exact, hnsw"):
        operations.neighbors(vae, ["a"], TEXTS, index="none")


def test_what_an_index_does_not_find_is_no_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    few = torch.tensor([[0.5, float("inf")]]), torch.tensor([[2, -1]])
    monkeypatch.setattr(sys.modules["textvae.operations.neighbors"], "_hnsw", lambda *_: few)
    (found,) = operations.neighbors(model(sphere=False), ["a"], TEXTS, 2, "hnsw")
    assert found == [operations.Neighbour(TEXTS[2], 0.5, 2)]


def test_an_analogy_with_itself_is_what_it_becomes(vae: TextVAE) -> None:
    for a, b in (("a b c", "d e"), ("c", "b b d a")):
        assert operations.analogy(vae, a, b, a) == vae.reconstruct([b])[0]
        assert operations.analogy(vae, a, a, b) == vae.reconstruct([b])[0]


def test_a_traversal_starts_from_the_sentence(vae: TextVAE) -> None:
    lines = operations.traverse(vae, "a b c", dimension=1, steps=5, span=1.0)
    assert len(lines) == 5
    if vae.vae.prior.path == "spherical":
        assert lines[2] == vae.reconstruct(["a b c"])[0]
        assert operations.traverse(vae, "a b c", dimension=1, span=0.0) == [lines[2]] * 7
    assert len(operations.traverse(vae, "a b c", axis=0, texts=TEXTS)) == 7
    for options, message in (
        ({}, "name a dimension or a principal axis"),
        ({"dimension": 4}, "there is no dimension 4; this model has 0 to 3"),
        ({"axis": 3, "texts": TEXTS[:3]}, "3 sentences have 2 axes"),
    ):
        with pytest.raises(UsageError, match=message):
            operations.traverse(vae, "a b c", **options)


def test_sentences_around_one_vary_with_the_scale(vae: TextVAE) -> None:
    near = operations.perturb(vae, "a b c d", n=8, scale=0.0)
    assert near == vae.reconstruct(["a b c d"]) * 8
    far = operations.perturb(vae, "a b c d", n=8, scale=1.5, seed=1)
    assert len(set(far)) > 1 and far == operations.perturb(vae, "a b c d", 8, 1.5, seed=1)


def test_a_beginning_is_gone_on_with_as_teacher_forcing_would() -> None:
    vae = model(sphere=False)
    z, prefix = vae.encode(["a b c", "d"]), [4, 6, 5]
    (state, decoder) = vae.vae.decoder.start(z), vae.vae.decoder
    for token in (1, *prefix):
        logits, state = decoder.step(torch.full((2,), token), state)
    first = [line[0] if line else 2 for line in decode(Begun(decoder, prefix), z, max_length=1)]
    logits[:, :2] = -torch.inf
    assert first == logits.argmax(1).tolist()
    assert decode(Begun(decoder, []), z) == decode(decoder, z)


def test_blanks_are_filled_and_ranked_by_the_whole_sentence(vae: TextVAE) -> None:
    fills = operations.infill(vae, "a _ d .", top=4, proposals=12, samples=5)
    assert 1 <= len(fills) <= 4
    for fill in fills:
        assert fill.text == f"a {fill.fill} d ." and 1 <= len(fill.fill.split()) <= 3
    nll = [fill.nll for fill in fills]
    assert nll == sorted(nll)
    for text in ("a b", "_ _"):
        with pytest.raises(UsageError, match="infilling needs one blank, _, got"):
            operations.infill(vae, text)
    assert operations.infill(vae, "_ a", proposals=6, samples=2)[0].text.endswith(" a")
    # One that stands alone is the blank, whatever else has an underscore.
    found = operations.infill(vae, "a_b _ d", proposals=6, samples=2)
    assert all(fill.text == f"a_b {fill.fill} d" for fill in found)


@pytest.fixture
def raw() -> TextVAE:
    """A model of raw text, whose spaces are parts of its pieces."""
    torch.manual_seed(0)
    tokenizer = SentencePieceTokenizer()
    tokenizer.fit(["I love cats.", 'He said "yes" to me, and I love dogs.'] * 20)
    encoder = GRUEncoder(tokenizer.vocab_size, embedding_size=6, hidden_size=8)
    decoder = GRUDecoder(tokenizer.vocab_size, 4, embedding_size=6, hidden_size=8)
    q = GaussianPosterior(8, latent_dim=4)
    return TextVAE(SentenceVAE(encoder, q, q.prior_cls(4), decoder), tokenizer)


@pytest.mark.parametrize(
    ("text", "ways", "expected"),
    [
        ("I love _.", [" cats and dogs.", " dogs."], {"cats", "cats and", "dogs", "dogs."}),
        # Of a word that is gone on with, nothing is a fill, but where the blank touches it.
        ("I love _ .", ["ly cats .", " dogs ."], {"cats", "cats .", "dogs", "dogs ."}),
        ('He said "_" to me', ['yes" to me'], {"yes", 'yes"', 'yes" to'}),
        ("I lo_ cats.", ["ve dogs"], {"ve", "ve dogs"}),
        ("_, I love cats.", ["Yes, I"], {"Yes", "Yes,", "Yes, I"}),
        ("我爱_。", ["猫。"], {"猫", "猫。"}),
    ],
)
def test_what_stands_around_a_blank_stays(
    raw: TextVAE,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    ways: list[str],
    expected: set[str],
) -> None:
    fills = operations.infill(raw, text, proposals=6, samples=2)
    assert fills and all(fill.text == text.replace("_", fill.fill) for fill in fills)

    module, tokens = sys.modules["textvae.operations.infill"], raw.tokenizer.encode(ways)
    monkeypatch.setattr(module, "decode", lambda *_, **__: tokens)
    fills = operations.infill(raw, text, top=20, max_words=2, proposals=3, samples=2)
    assert {fill.fill for fill in fills} == expected
    assert all(fill.text == text.replace("_", fill.fill) for fill in fills)


def test_copies_are_counted_by_their_words() -> None:
    found = operations.novelty(["a b", "a  b", "c", "d"], iter(["x", "a b ", "d"]))
    assert found == operations.Novelty(4, 3 / 4, 3 / 4, ["a b", "d"])


def test_labels_move_by_the_difference_of_their_means(vae: TextVAE) -> None:
    labels = [text[0] for text in TEXTS]
    centres = means(vae, TEXTS, labels)
    z = vae.encode(TEXTS)
    mean = z[[label == "b" for label in labels]].mean(0)
    sphere = vae.vae.prior.path == "spherical"
    assert torch.allclose(centres["b"], mean / mean.norm() if sphere else mean, atol=1e-6)
    assert operations.transfer(vae, TEXTS[:4], "a", "b", centres, strength=0) == vae.reconstruct(
        TEXTS[:4]
    )
    moved = displaced(z[:4], centres["a"], centres["b"], sphere)
    assert operations.transfer(vae, TEXTS[:4], "a", "b", centres) == vae.decode(moved)
    with pytest.raises(UsageError, match="no sentence has the label x; there are: a, b, c"):
        operations.transfer(vae, ["a"], "a", "x", centres)
    with pytest.raises(UsageError, match="27 sentences and 26 labels; the first .* number 27"):
        means(vae, TEXTS, labels[:-1])


def test_files_of_latents_read_back(vae: TextVAE, tmp_path: Path) -> None:
    z, labels = vae.encode(TEXTS).numpy(), [text[0] for text in TEXTS]
    operations.export(vae, TEXTS, tmp_path / "z.npz", labels)
    operations.export(vae, TEXTS, tmp_path / "z.parquet")
    with np.load(tmp_path / "z.npz", allow_pickle=False) as file:
        assert np.array_equal(file["z"], z) and file["text"].tolist() == TEXTS
        assert file["label"].tolist() == labels
    table = pyarrow.parquet.read_table(tmp_path / "z.parquet")
    assert table.column_names == ["text", "z"] and np.array_equal(table["z"].to_pylist(), z)
    with pytest.raises(UsageError, match="z.csv: a file of latents ends in .npz or .parquet"):
        operations.export(vae, TEXTS, tmp_path / "z.csv")


def test_a_language_model_has_nothing_to_operate_on(tmp_path: Path) -> None:
    vae = model(sphere=False)
    decoder = GRUDecoder(vae.tokenizer.vocab_size, 0, embedding_size=6, hidden_size=8)
    plain = TextVAE(SentenceVAE(None, None, None, decoder), vae.tokenizer)
    for call in (
        lambda: operations.neighbors(plain, ["a"], TEXTS),
        lambda: operations.analogy(plain, "a", "b", "c"),
        lambda: operations.perturb(plain, "a"),
        lambda: operations.traverse(plain, "a", dimension=0),
        lambda: operations.infill(plain, "a _"),
        lambda: means(plain, TEXTS, TEXTS),
        lambda: operations.export(plain, TEXTS, tmp_path / "z.npz"),
        lambda: kl_per_dim(plain, TEXTS),
        lambda: way(plain, "a", "b"),
    ):
        with pytest.raises(UsageError, match="a language model has no latents"):
            call()


# Figures


def test_figures_are_what_their_names_say_and_the_same_each_time(tmp_path: Path) -> None:
    z, labels = drawn(30, 4).numpy(), ["春", "b", "c"] * 10
    draws: dict[str, Callable[[Path], None]] = {
        "map": lambda path: plot_map(path, z, labels, "kind"),
        "length": lambda path: plot_map(path, z, list(range(30)), "tokens"),
        "kl": lambda path: plot_kl(path, [0.1, 2.0, 0.5]),
        # Dollars, which would make a formula, and a broken one.
        "way": lambda path: plot_interpolation(path, ["$ N {", "c $ ^"], -(z[:5, :2] ** 2)),
    }
    for name, draw in draws.items():
        for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
            path = tmp_path / f"{name}{suffix}"
            draw(path)
            first = path.read_bytes()
            assert first.startswith(magic) and len(first) > 2000
            if suffix == ".svg":
                draw(path)
                assert path.read_bytes() == first
        with pytest.raises(UsageError, match=r"x.gif: a figure ends in .png or .svg"):
            draw(Path("x.gif"))


@pytest.mark.parametrize("count", [3, 4, 30])
@pytest.mark.filterwarnings("ignore")  # of a few latents umap has much to say
def test_a_map_by_umap_follows_the_seed(tmp_path: Path, count: int) -> None:
    pytest.importorskip("umap", reason="umap-learn, of the extra plot, is not there")
    z, paths = drawn(count, 4).numpy(), [tmp_path / f"{i}.svg" for i in range(3)]
    threads = torch.get_num_threads()
    for path, seed in zip(paths, (0, 0, 1), strict=True):
        plot_map(path, z, list(range(count)), "tokens", "umap", seed)
    assert torch.get_num_threads() == threads
    first, again, other = (path.read_bytes() for path in paths)
    assert first == again != other and b"<svg" in first


def test_a_map_has_its_least() -> None:
    for z in (drawn(2, 4), drawn(5, 1)):
        for method in ("pca", "umap"):
            with pytest.raises(UsageError, match="a map needs 3 latents of 2 dimensions, got"):
                plot_map("a.svg", z.numpy(), list(range(len(z))), "tokens", method)


def test_the_divergence_of_each_dimension_adds_up() -> None:
    vae = model(sphere=False)
    report = vae.evaluate(TEXTS, samples=2).to_dict()
    assert kl_per_dim(vae, TEXTS).sum().item() == pytest.approx(report["kl"], rel=1e-5)
    with pytest.raises(UsageError, match="no sum over dimensions"):
        kl_per_dim(model(sphere=True), TEXTS)


def test_the_way_scores_every_line_at_every_step(vae: TextVAE) -> None:
    lines, log_probs = way(vae, "a b c", "d e", steps=5)
    assert log_probs.shape == (5, len(lines))
    assert lines[0] == vae.reconstruct(["a b c"])[0] and (log_probs < 0).all()
    (tokens,) = vae.tokenizer.encode(lines[:1])
    batch, z = collate([tokens], [0]), vae.encode(["d e"])[None]
    alone = vae.vae.decoder.log_prob(batch.target, batch.target_mask, z)
    assert torch.allclose(log_probs[-1, :1], alone[0], rtol=1e-4)
