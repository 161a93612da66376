"""Evaluation: what it counts, what it reports, and what it does not depend on."""

import json
import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn as nn
from torch import Tensor

from textvae.decoders import GRUDecoder, LSTMDecoder
from textvae.decoding import greedy
from textvae.errors import UsageError
from textvae.metrics import evaluate, score
from textvae.metrics.latent import equal_length_groups
from textvae.metrics.reconstruction import compare, is_spaced
from textvae.posteriors import GaussianPosterior, PointPosterior, VonMisesFisherPosterior
from textvae.posteriors.base import Posterior
from textvae.priors import StandardNormal
from textvae.types import EOS
from textvae.vae import SentenceVAE

from .helpers import leaves
from .linear_gaussian import LinearGaussianDecoder, LinearPosterior, Lookup
from .tiny import SENTENCES, TEXTS, VOCAB, report, text_vae, write


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("posterior", leaves(Posterior))
def test_results_do_not_depend_on_batches_or_chunks(posterior: type[Posterior]) -> None:
    vae = text_vae(posterior, 3)
    whole = report(vae, max_tokens=10**6)
    for max_tokens in (1, 40, 900):
        part = report(vae, max_tokens=max_tokens)
        for name, value in whole.to_dict().items():
            if isinstance(value, float):
                assert getattr(part, name) == pytest.approx(value, abs=1e-9), name
    assert whole.mi_full is None or whole.mi_full <= whole.mi_full_ceiling
    json.dumps(whole.to_dict(), allow_nan=False)


@pytest.mark.parametrize("posterior", [GaussianPosterior, VonMisesFisherPosterior])
def test_a_sentence_is_scored_alike_in_any_company(posterior: type[Posterior]) -> None:
    vae = text_vae(posterior, 3)
    together = score(vae, SENTENCES, samples=20)
    for count in range(1, len(SENTENCES)):
        torch.testing.assert_close(score(vae, SENTENCES[:count], samples=20), together[:count])
    # A longer neighbour pads it.
    torch.testing.assert_close(score(vae, [[4, 5, 6], [7] * 50], samples=20)[0], together[0])


def test_draws_come_from_the_seed_alone() -> None:
    vae = text_vae(GaussianPosterior, 3)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = report(vae, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert report(vae, seed=3) == first
    assert report(vae, seed=4).nll_iw != first.nll_iw
    # Equal sentences in different places have different draws.
    twice = score(vae, [[4, 5], [4, 5]], samples=5)
    assert twice[0] != twice[1]


def test_no_more_is_scored_at_once_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, scored = text_vae(GaussianPosterior, 3), []
    log_prob = vae.decoder.log_prob

    def spy(x: Tensor, mask: Tensor, z: Tensor) -> Tensor:
        scored.append(len(z) * x.numel())
        return log_prob(x, mask, z)

    monkeypatch.setattr(vae.decoder, "log_prob", spy)
    report(vae, samples=50, max_tokens=100)
    assert 50 < max(scored) <= 100
    assert sum(scored) >= 52 * sum(len(sentence) + 1 for sentence in SENTENCES)


def test_a_decoder_that_ignores_z_gains_nothing() -> None:
    vae = text_vae(GaussianPosterior, 3)
    decoder = GRUDecoder(VOCAB, 3, embedding_size=6, hidden_size=8, inject="state").double()
    nn.init.zeros_(decoder.to_state.weight)
    found = report(SentenceVAE(vae.encoder, vae.posterior, vae.prior, decoder))
    assert found.z_gain == 0 and found.standard_errors["z_gain"] == 0
    assert abs(report(vae).z_gain) > 0.01


def test_a_language_model_has_an_exact_likelihood_and_no_latent() -> None:
    decoder = LSTMDecoder(VOCAB, 0, embedding_size=6, hidden_size=8).double().eval()
    found = evaluate(SentenceVAE(None, None, None, decoder), SENTENCES, TEXTS, write)

    nll = torch.zeros(len(SENTENCES), dtype=torch.double)
    for i, sentence in enumerate(SENTENCES):
        state, last = decoder.start(torch.zeros(1, 0, dtype=torch.double)), torch.tensor([1])
        for token in [*sentence, EOS]:
            logits, state = decoder.step(last, state)
            nll[i] -= logits.log_softmax(dim=1)[0, token].item()
            last = torch.tensor([token])
    assert found.nll_iw == found.nll_elbo == pytest.approx(nll.mean().item(), abs=1e-9)

    absent = "kl kl_per_dim mi_full mi_batch32 au z_gain exact_match token_accuracy bleu".split()
    assert all(getattr(found, name) is None for name in absent)
    assert found.protocol["samples"] is None
    table = found.table()
    assert "exact" in table and "Latent" not in table and "Reconstruction" not in table


def test_an_auto_encoder_has_reconstruction_and_no_likelihood() -> None:
    vae = text_vae(PointPosterior, 3)
    found = report(vae)
    for name in ["nll_iw", "nll_elbo", "ppl_iw", "bits_per_character", "kl", "mi_full"]:
        assert getattr(found, name) is None
    assert found.bleu is not None and found.z_gain is not None and found.au is not None
    assert "nll_iw" not in found.table() and "exact_match" in found.table()
    with pytest.raises(UsageError, match="auto-encoder has no likelihood"):
        score(vae, SENTENCES)


def test_dropout_and_gradients_are_off_and_the_mode_comes_back() -> None:
    vae = text_vae(GaussianPosterior, 3).train()
    vae.encoder.eval()
    first = report(vae)
    assert vae.training and vae.decoder.training and not vae.encoder.training
    assert report(vae.eval()) == first
    assert not score(vae, SENTENCES, samples=2).requires_grad


def test_what_is_counted() -> None:
    vae = text_vae(GaussianPosterior, 3)
    found, nll = report(vae), score(vae, SENTENCES, samples=50)
    tokens = [len(sentence) + 1 for sentence in SENTENCES]
    characters = [len(text) + 1 for text in TEXTS]
    total = nll.sum().item()

    assert found.nll_iw == pytest.approx(total / len(SENTENCES))
    assert found.ppl_iw == pytest.approx(math.exp(total / sum(tokens)))
    assert found.ppl_word == pytest.approx(found.ppl_iw)  # here, words are the tokens
    assert found.bits_per_character == pytest.approx(total / math.log(2) / sum(characters))
    assert found.standard_errors["nll_iw"] == pytest.approx(nll.std().item() / 8**0.5)
    assert found.protocol["tokens"] == sum(tokens) and found.protocol["sentences"] == 8


def test_words_and_characters_are_counted_in_the_text_and_not_in_tokens() -> None:
    vae = text_vae(GaussianPosterior, 3)
    sentences, texts = [[4, 5, 6, 7], [8]], ["the  cat", "sat on it"]
    found = evaluate(vae, sentences, texts, samples=20)
    total = score(vae, sentences, samples=20).sum().item()
    assert found.ppl_word == pytest.approx(math.exp(total / (3 + 4)))
    assert found.bits_per_character == pytest.approx(total / math.log(2) / (9 + 10))


def test_lost_text_is_not_comparable() -> None:
    found = report(text_vae(GaussianPosterior, 3), lost=3)
    assert found.ppl_word is None and found.bits_per_character is None
    assert found.table().count("not comparable (3 <unk>)") == 2
    assert found.protocol["lost"] == 3


def test_text_without_spaces_has_no_words() -> None:
    texts = ["".join(text.split()) for text in TEXTS]
    found = evaluate(text_vae(GaussianPosterior, 3), SENTENCES, texts, write, samples=5)
    assert found.ppl_word is None and found.bits_per_character is not None
    assert not found.protocol["spaced"] and "ppl_word" not in found.table()
    assert is_spaced(["a b"]) and not is_spaced(["\u5e8a\u524d\u660e\u6708\u5149"])


def test_nothing_is_truncated() -> None:
    vae = text_vae(GaussianPosterior, 2)
    long = [4, 5, 6, 7] * 100
    found = evaluate(vae, [long, [4]], ["a b c d " * 100, "a"], samples=4, max_tokens=64)
    assert found.protocol["tokens"] == 403
    nll = score(vae, [long], samples=4)
    assert nll > score(vae, [long[:-4]], samples=4) + 1


@pytest.mark.parametrize("sentences", [[[]], [[4]], [[], []]])
def test_the_smallest_sets(sentences: list[list[int]]) -> None:
    vae = text_vae(GaussianPosterior, 3)
    texts = ["" if not sentence else "a" for sentence in sentences]
    found = evaluate(vae, sentences, texts, write, samples=5)
    assert math.isfinite(found.nll_iw) and found.mi_full <= found.mi_full_ceiling + 1e-12
    assert (found.z_gain is None) == (len(sentences) == 1)
    assert found.table()
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_report_has_the_names_of_the_protocol() -> None:
    found = report(text_vae(VonMisesFisherPosterior, 3), split="test", floor=1.5)
    names = "nll_iw nll_elbo ppl_iw ppl_elbo ppl_word bits_per_character kl mi_full "
    names += "mi_full_ceiling mi_batch32 au z_gain exact_match token_accuracy bleu floor"
    numbers = found.to_dict()
    assert set(names.split()) | {"standard_errors", "protocol"} <= numbers.keys()
    assert all(numbers[name] is not None for name in names.split())
    json.dumps(numbers, allow_nan=False)

    assert found.mi_full_ceiling == pytest.approx(math.log(8))
    assert found.mi_batch32 <= found.mi_full <= found.mi_full_ceiling
    assert found.kl_per_dim is None  # the directions of a sphere have no dimensions
    table = found.table()
    for told in [
        "nll_iw",
        "of 2.08",
        "of 3",
        "test: 8 sentences, 30 tokens",
        "50 samples",
        "seed 0",
    ]:
        assert told in table
    assert max(map(len, table.splitlines())) <= 110


def test_reconstruction_compares_word_by_word() -> None:
    references = ["a b c d", "a b", "a", ""]
    same = compare(references, references, spaced=True)
    assert same.exact.all() and same.bleu == pytest.approx(100)
    assert torch.equal(same.correct, same.places)

    found = compare(references, ["a x c d", "a b c", "", "a"], spaced=True)
    assert not found.exact.any()
    assert found.correct.tolist() == [4, 2, 0, 0]
    assert found.places.tolist() == [5, 3, 2, 1]
    characters = compare(["abc"], ["abd"], spaced=False)
    assert characters.correct.tolist() == [3] and characters.places.tolist() == [4]


def test_reconstruction_is_written_from_the_mode() -> None:
    vae, seen = text_vae(GaussianPosterior, 3).eval(), []

    def spy(z: Tensor) -> list[str]:
        seen.append(z)
        words = greedy(vae.decoder.step, vae.decoder.start(z), max_length=10)
        return [" ".join("abcde"[max(token, 4) - 4] for token in line) for line in words]

    evaluate(vae, SENTENCES, TEXTS, spy, samples=3)
    x = torch.tensor([[*SENTENCES[3], EOS]])
    expected = vae.posterior(vae.encoder(x, x > 0)).mode
    torch.testing.assert_close(seen[0][3:4], expected.detach())


def test_groups_have_one_length_and_at_most_32_sentences() -> None:
    lengths = [3] * 70 + [5] * 32 + [1] + [3] * 3
    groups = equal_length_groups(lengths)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert sorted(map(len, groups)) == [1, 9, 32, 32, 32]
    assert all(len({lengths[i] for i in group}) == 1 for group in groups)


def test_mutual_information_is_of_all_or_of_32() -> None:
    y = 100.0 * torch.arange(50, dtype=torch.double)[:, None]
    weight = torch.ones(1, 1, dtype=torch.double)
    vae = SentenceVAE(
        Lookup(y),
        LinearPosterior(weight, 1.0),
        StandardNormal(1),
        LinearGaussianDecoder(y, weight, 1.0),
    ).double()
    sentences = [[i] for i in range(40)] + [[i, i] for i in range(40, 50)]
    found = evaluate(vae, sentences, ["a b"] * 50, samples=2)

    # Posteriors that nobody confuses: each group reaches its ceiling.
    assert found.mi_full == pytest.approx(math.log(50))
    groups = [32, 8, 10]
    assert found.mi_batch32 == pytest.approx(sum(n * math.log(n) for n in groups) / 50)


@pytest.mark.parametrize("concentration, units", [(0.15, 0), (0.4, 3)])
def test_active_units_of_a_sphere(concentration: float, units: int) -> None:
    # Six sentences at both ends of each axis of R^3. Their means are A(k) = k/3 long, to first
    # order, and vary by 0.4 A^2: 0.001 or 0.007, on either side of 0.01 / 3.
    y = torch.cat([torch.eye(3), -torch.eye(3)]).double()
    posterior = VonMisesFisherPosterior(3, latent_dim=3, concentration=concentration)
    nn.init.eye_(posterior.project.weight)
    nn.init.zeros_(posterior.project.bias)
    decoder = LinearGaussianDecoder(y, torch.eye(3).double(), 1.0)
    vae = SentenceVAE(Lookup(y), posterior, posterior.prior_cls(3), decoder).double()
    assert evaluate(vae, [[i] for i in range(6)], ["a b"] * 6, samples=2).au == units


def test_half_precision_is_near_and_named() -> None:
    vae = text_vae(GaussianPosterior, 3, sharpness=1.0).float()
    full, half = report(vae), report(vae, precision="bf16-mixed")
    assert half.nll_iw == pytest.approx(full.nll_iw, rel=0.01) and half.nll_iw != full.nll_iw
    assert half.protocol["precision"] == "bf16-mixed" and "bf16-mixed" in half.table()


def test_float16_is_for_gpus() -> None:
    with pytest.raises(UsageError, match="16-mixed needs a GPU: take bf16-mixed"):
        report(text_vae(GaussianPosterior, 3).float(), precision="16-mixed")


def test_full_precision_whatever_training_was_set_to() -> None:
    vae = text_vae(GaussianPosterior, 3).float()
    expected = report(vae)
    torch.set_float32_matmul_precision("medium")
    try:
        assert report(vae) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_progress_ends_at_one() -> None:
    told: list[float] = []
    report(text_vae(GaussianPosterior, 3), max_tokens=100, progress=told.append)
    assert len(told) > 2 and told == sorted(told) and told[-1] == 1


@pytest.mark.parametrize("option, value", [("samples", 0), ("seed", -1), ("precision", "8")])
def test_impossible_options_are_named(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"'{option}'.*got {value}"):
        report(text_vae(GaussianPosterior, 3), **{option: value})


def test_texts_belong_to_the_sentences() -> None:
    with pytest.raises(ValueError, match="'texts' must be 8 like 'sentences', got 7"):
        evaluate(text_vae(GaussianPosterior, 3), SENTENCES, TEXTS[1:], write)


def test_nothing_to_evaluate_is_refused() -> None:
    empty: Sequence[list[int]] = []
    with pytest.raises(UsageError, match="no sentence"):
        evaluate(text_vae(GaussianPosterior, 3), empty, [], write)
