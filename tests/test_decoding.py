"""Search, on step functions whose best sentences are known."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from textvae.decoding import STRATEGIES, beam, beam_n_best, decode, greedy, sample
from textvae.decoding.step import largest
from textvae.errors import UsageError
from textvae.types import BOS, EOS, PAD, UNK, State

A, B, C = 4, 5, 6
VOCAB = 7


class Markov:
    """A decoder whose next token depends on the last alone, by one matrix for each latent."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits.double()  # (M, V, V)
        self.rows_stepped = 0

    def start(self, z: Tensor) -> State:
        return {"which": z[:, 0].long(), "steps": torch.zeros(len(z), 2)}

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        assert len(tokens) == len(state["which"])
        self.rows_stepped += len(tokens)
        return self.logits[state["which"], tokens], {**state, "steps": state["steps"] + 1}

    def log_prob(self, which: int, sentence: list[int]) -> float:
        """The log-likelihood of the tokens, without PAD and BOS; ``</s>`` only if it is there."""
        logits = self.logits[which].clone()
        logits[:, [PAD, BOS]] = -torch.inf
        rows = logits.log_softmax(dim=1)
        return sum(rows[i, j].item() for i, j in itertools.pairwise([BOS, *sentence]))


def transitions(**rows: dict[int, float]) -> Tensor:
    """One matrix of log-probabilities from its non-zero entries."""
    matrix = torch.zeros(VOCAB, VOCAB)
    for name, entries in rows.items():
        for token, probability in entries.items():
            matrix[{"bos": BOS, "a": A, "b": B, "c": C}[name], token] = probability
    return matrix.log()


def random_markov(count: int, seed: int = 0) -> Markov:
    generator = torch.Generator().manual_seed(seed)
    return Markov(torch.randn(count, VOCAB, VOCAB, generator=generator, dtype=torch.double))


# Greedy takes `a` and ends at 0.55 * 0.4 = 0.22; `b c` has 0.45 * 1.0 * 0.9 = 0.405.
GARDEN_PATH = transitions(
    bos={A: 0.55, B: 0.45}, a={EOS: 0.4, A: 0.35, B: 0.25}, b={C: 1.0}, c={EOS: 0.9, A: 0.1}
)


def test_greedy_follows_the_likeliest_token_and_beam_the_likeliest_sentence() -> None:
    decoder = Markov(GARDEN_PATH[None])
    state = decoder.start(torch.zeros(1, 1))

    assert greedy(decoder.step, state) == [[A]]
    assert beam(decoder.step, state, beam_size=2, length_exponent=0.0) == [[B, C]]

    (found,) = beam_n_best(decoder.step, state, beam_size=2, length_exponent=0.0)
    assert [words for _, words in found] == [[B, C], [A]]
    torch.testing.assert_close(
        [score for score, _ in found], [math.log(0.45 * 0.9), math.log(0.55 * 0.4)]
    )


def test_length_exponent_decides_between_short_and_long() -> None:
    # `</s>` at once: 0.4. `a b c </s>`: 0.6 * 0.8^3 = 0.307, which is 0.744 a token.
    matrix = transitions(
        bos={EOS: 0.4, A: 0.6}, a={B: 0.8, C: 0.2}, b={C: 0.8, A: 0.2}, c={EOS: 0.8, A: 0.2}
    )
    decoder = Markov(matrix[None])
    state = decoder.start(torch.zeros(1, 1))

    assert beam(decoder.step, state, beam_size=3, length_exponent=0.0) == [[]]
    assert beam(decoder.step, state, beam_size=3, length_exponent=1.0) == [[A, B, C]]
    found = beam_n_best(decoder.step, state, beam_size=3, length_exponent=1.0)[0]
    assert found[0][0] == pytest.approx(math.log(0.6 * 0.8**3) / 4)


@pytest.mark.parametrize("length_exponent", [0.0, 0.6, 1.0])
def test_wide_beam_is_exhaustive_enumeration(length_exponent: float) -> None:
    decoder, max_length = random_markov(3), 3
    words = [UNK, A, B, C]
    complete = [
        [*body, EOS]
        for length in range(max_length)
        for body in itertools.product(words, repeat=length)
    ]
    cut = [list(body) for body in itertools.product(words, repeat=max_length)]
    found = beam_n_best(
        decoder.step,
        decoder.start(torch.arange(3.0)[:, None]),
        max_length=max_length,
        beam_size=len(complete) + len(cut),
        length_exponent=length_exponent,
    )

    for which in range(3):

        def score(sentence: list[int], which: int = which) -> float:
            return decoder.log_prob(which, sentence) / len(sentence) ** length_exponent

        expected = sorted(complete, key=score, reverse=True) + sorted(cut, key=score, reverse=True)
        assert [words for _, words in found[which]] == [
            [token for token in sentence if token != EOS] for sentence in expected
        ]
        torch.testing.assert_close([s for s, _ in found[which]], [score(s) for s in expected])


def test_beam_of_one_is_greedy() -> None:
    decoder = random_markov(50, seed=1)
    state = decoder.start(torch.arange(50.0)[:, None])

    sentences = greedy(decoder.step, state, max_length=12)
    assert beam(decoder.step, state, max_length=12, beam_size=1) == sentences
    lengths = {len(sentence) for sentence in sentences}
    assert min(lengths) < 3 and 12 in lengths  # both ended and cut off


def test_a_loop_that_never_ends_loses_to_a_sentence() -> None:
    matrix = transitions(bos={A: 0.9, B: 0.1}, a={A: 1.0}, b={EOS: 1.0})
    decoder = Markov(matrix[None])

    found = beam_n_best(decoder.step, decoder.start(torch.zeros(1, 1)), max_length=9, beam_size=3)
    assert [words for _, words in found[0]] == [[B], [A] * 9]


def test_a_beginning_that_cannot_go_on_leaves_the_beam_to_others() -> None:
    matrix = transitions(bos={A: 0.6, B: 0.4}, a={}, b={EOS: 1.0})
    decoder = Markov(matrix[None])

    found = beam_n_best(decoder.step, decoder.start(torch.zeros(1, 1)), beam_size=2)
    assert [words for _, words in found[0]] == [[B]]


@pytest.mark.parametrize("k", [1, 5, 25, 40])
@pytest.mark.parametrize("vocab_size", [40, 10_000, 10_103])
def test_the_largest_of_blocks_are_the_largest_of_all(vocab_size: int, k: int) -> None:
    """In order, drawn anywhere, or side by side at the end, where no block is whole."""
    torch.manual_seed(0)
    rows = torch.stack([torch.randperm(vocab_size), torch.arange(vocab_size)]).double()

    expected, found = rows.topk(k), largest(rows, k)
    assert torch.equal(found[0], expected.values) and torch.equal(found[1], expected.indices)


def test_where_no_beginning_can_go_on_the_sentence_is_empty() -> None:
    dead = torch.full((VOCAB, VOCAB), torch.nan)
    alive = torch.zeros(VOCAB, VOCAB)
    alive[BOS, A] = alive[A, EOS] = 9
    decoder, z = Markov(torch.stack([dead, alive])), torch.tensor([[0.0], [1.0]])

    assert decode(decoder, z, "beam") == [[], [A]]


@pytest.mark.parametrize("values", [[0.0], [-torch.inf, 0.0], [1.0, torch.nan, -torch.inf]])
def test_the_largest_of_blocks_are_different_tokens_where_values_tie(values: list[float]) -> None:
    rows = torch.tensor(values).repeat(2, 9000)[:, -8999:]

    found, tokens = largest(rows, 20)
    torch.testing.assert_close(found, rows.topk(20).values, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(rows.gather(1, tokens), found, rtol=0, atol=0, equal_nan=True)
    assert all(len(set(row)) == 20 for row in tokens.tolist())


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_sentences_do_not_depend_on_their_batch(strategy: STRATEGIES) -> None:
    decoder, z = random_markov(40, seed=2), torch.arange(40.0)[:, None]
    options = {"max_length": 20, "beam_size": 4, "top_p": 0.9, "temperature": 1.3}
    together = decode(decoder, z, strategy, **options)

    assert len({tuple(sentence) for sentence in together}) > 10
    for chunk_size in (1, 7, 1000):
        assert decode(decoder, z, strategy, chunk_size=chunk_size, **options) == together
    if strategy == "sample":  # whose draws belong to the place
        assert decode(decoder, z[:3], strategy, **options) == together[:3]
    else:
        assert decode(decoder, z[17:18], strategy, **options) == together[17:18]


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_finished_sentences_leave_the_batch(strategy: STRATEGIES) -> None:
    # Latent 0 ends at once, latent 1 never.
    ends = transitions(bos={EOS: 1.0})
    never = transitions(bos={A: 1.0}, a={A: 1.0})
    decoder = Markov(torch.stack([ends, never]))
    z = torch.tensor([0.0] * 63 + [1.0])[:, None]

    sentences = decode(decoder, z, strategy, max_length=100, chunk_size=1000)
    assert sentences == [[]] * 63 + [[A] * 100]
    assert decoder.rows_stepped == 64 + 99


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_forbidden_tokens_are_never_written(strategy: STRATEGIES) -> None:
    logits = torch.zeros(30, VOCAB, VOCAB)
    logits[..., [PAD, BOS]] = 9.0
    logits[..., UNK] = 6.0
    logits[..., EOS] = 1.0
    decoder, z = Markov(logits), torch.arange(30.0)[:, None]

    written = {t for s in decode(decoder, z, strategy, max_length=20) for t in s}
    assert UNK in written and not written & {PAD, BOS, EOS}
    written = {
        t
        for s in decode(decoder, z, strategy, max_length=20, forbidden=(PAD, BOS, UNK))
        for t in s
    }
    assert not written & {PAD, BOS, EOS, UNK}


def draw(decoder: Markov, count: int, **options: float) -> list[list[int]]:
    return decode(
        decoder, torch.zeros(count, 1), "sample", seed=3, max_length=3, chunk_size=count, **options
    )


def test_plain_sampling_has_the_decoders_frequencies() -> None:
    decoder, count = random_markov(1, seed=4), 20_000
    drawn = draw(decoder, count)

    words = [UNK, A, B, C]
    complete = [[*b, EOS] for n in range(3) for b in itertools.product(words, repeat=n)]
    cut = [list(b) for b in itertools.product(words, repeat=3)]
    for sentence in complete + cut:
        p = math.exp(decoder.log_prob(0, sentence))
        found = drawn.count([t for t in sentence if t != EOS]) / count
        # 85 sentences: five standard errors fail by chance once in 20 000 runs.
        assert abs(found - p) <= 5 * math.sqrt(p * (1 - p) / count), sentence


def test_temperature_top_k_and_top_p_change_the_first_token_as_they_should() -> None:
    p = torch.tensor([0.0, 0.0, 0.05, 0.15, 0.2, 0.25, 0.35])
    decoder, count = Markov(p.log().expand(1, VOCAB, VOCAB)), 20_000

    def frequencies(**options: float) -> Tensor:
        first = [s[0] if s else EOS for s in draw(decoder, count, **options)]
        return torch.bincount(torch.tensor(first), minlength=VOCAB).double() / count

    expected = {
        "temperature": ({"temperature": 0.5}, p**2),
        "top_k": ({"top_k": 2}, p * (p >= 0.25)),
        # 0.35 + 0.25 = 0.6 does not reach 0.7, so that 0.2 is in.
        "top_p": ({"top_p": 0.7}, p * (p >= 0.2)),
    }
    for name, (options, weights) in expected.items():
        q = (weights / weights.sum()).double()
        error = (q * (1 - q) / count).sqrt()
        assert ((frequencies(**options) - q).abs() <= 5 * error).all(), name


def test_noise_of_zero_draws_nothing_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: torch.zeros(shape))
    logits = torch.zeros(1, VOCAB, VOCAB)
    logits[..., EOS] = -torch.inf
    drawn = decode(Markov(logits), torch.zeros(1, 1), "sample", max_length=2)
    assert drawn == [[UNK, UNK]]  # the first token that is possible, not PAD


def test_the_smallest_temperature_takes_the_likeliest_and_no_token_ends_the_sentence() -> None:
    decoder = random_markov(4, seed=1)
    z = torch.arange(4.0)[:, None]
    cold = decode(decoder, z, "sample", temperature=1e-300, max_length=5)
    assert cold == decode(decoder, z, "greedy", max_length=5)
    dead = torch.full((1, VOCAB, VOCAB), torch.nan)
    assert decode(Markov(dead), torch.zeros(1, 1), "sample") == [[]]


def test_sampling_is_seeded() -> None:
    decoder, z = random_markov(20, seed=5), torch.arange(20.0)[:, None]
    first = decode(decoder, z, "sample", seed=1, max_length=20)
    torch.rand(5)
    assert decode(decoder, z, "sample", seed=1, max_length=20) == first
    assert decode(decoder, z, "sample", seed=2, max_length=20) != first


def test_no_latents_make_no_sentences() -> None:
    assert decode(random_markov(1), torch.zeros(0, 1)) == []


@pytest.mark.parametrize(
    "strategy, option, value",
    [
        ("greedy", "max_length", 0),
        ("beam", "beam_size", 0),
        ("sample", "temperature", 0.0),
        ("sample", "top_k", -1),
        ("sample", "top_p", 0.0),
        ("sample", "top_p", 1.5),
    ],
)
def test_impossible_options_are_named(strategy: STRATEGIES, option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"'{option}'.*got {value}"):
        decode(random_markov(1), torch.zeros(1, 1), strategy, **{option: value})


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'viterbi'.*greedy, beam, sample"):
        decode(random_markov(1), torch.zeros(1, 1), "viterbi")


def test_a_sample_draws_from_torchs_generator_if_none_is_given() -> None:
    decoder = random_markov(20, seed=6)
    state = decoder.start(torch.arange(20.0)[:, None])
    torch.manual_seed(0)
    first = sample(decoder.step, state, max_length=20)
    torch.manual_seed(0)
    assert sample(decoder.step, state, max_length=20) == first
