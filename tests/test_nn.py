"""The fused log-probability against the plain one, and the small modules."""

import copy

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F

from textvae.nn import (
    Dropout,
    cross_entropy,
    init_uniform_,
    linear_log_prob,
    pool,
    recur,
    word_dropout,
)


@pytest.mark.parametrize("max_logits", [7, 50, 10**6])
def test_linear_log_prob_equals_log_softmax(
    monkeypatch: pytest.MonkeyPatch, max_logits: int
) -> None:
    """Value and gradients, whatever the chunks, with a different weight on each token."""
    monkeypatch.setattr(cross_entropy, "MAX_LOGITS", max_logits)
    torch.manual_seed(0)
    h = torch.randn(13, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(7, (13,))
    scale = torch.randn(13, dtype=torch.float64)

    plain = F.log_softmax(h @ weight.t(), dim=-1).gather(1, targets[:, None])[:, 0]
    expected = torch.autograd.grad((plain * scale).sum(), (h, weight))
    fused = linear_log_prob(h, weight, targets)
    actual = torch.autograd.grad((fused * scale).sum(), (h, weight))

    torch.testing.assert_close(fused, plain)
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_linear_log_prob_does_not_underflow(dtype: torch.dtype) -> None:
    h, weight = (
        torch.tensor([[1.0], [1.0]], dtype=dtype),
        torch.tensor([[0.0], [200.0]], dtype=dtype),
    )

    assert linear_log_prob(h, weight, torch.tensor([0, 1])).tolist() == [-200.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_linear_log_prob_keeps_the_digits_of_small_probabilities(dtype: torch.dtype) -> None:
    weight = torch.linspace(-24, 0, 97)[:, None].to(dtype)
    h, targets = torch.ones(97, 1, dtype=dtype), torch.arange(97)
    expected = weight[:, 0].double().log_softmax(dim=0)

    # A part in 256 of a probability; float16 holds 2e-7 itself to a part in three.
    found = linear_log_prob(h, weight, targets)
    assert (found - expected).abs().max() < 0.004


def test_linear_log_prob_keeps_nothing_where_no_gradient_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cross_entropy, "CACHED_LOGITS", 14)
    sizes, softmax = [], torch.softmax
    monkeypatch.setattr(
        torch, "softmax", lambda x, dim, out: sizes.append(len(x)) or softmax(x, dim=dim, out=out)
    )
    weight, targets = nn.Parameter(torch.randn(7, 5)), torch.zeros(6, dtype=torch.long)
    with torch.no_grad():
        linear_log_prob(torch.randn(6, 5), weight, targets)
    linear_log_prob(torch.randn(6, 5), weight, targets)

    assert sizes == [2, 2, 2, 6]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 13])
def test_linear_log_prob_without_gradients_is_that_with_them(
    monkeypatch: pytest.MonkeyPatch, rows: int, dtype: torch.dtype
) -> None:
    """Chunks in one memory, against all at once."""
    torch.manual_seed(0)
    h, weight = torch.randn(rows, 5, dtype=dtype), nn.Parameter(torch.randn(70, 5, dtype=dtype))
    targets = torch.randint(70, (rows,))
    expected = linear_log_prob(h, weight, targets).detach()

    monkeypatch.setattr(cross_entropy, "CACHED_LOGITS", 4 * 70)
    with torch.no_grad():
        torch.testing.assert_close(linear_log_prob(h, weight, targets), expected)


def test_linear_log_prob_of_nothing() -> None:
    h, weight = torch.randn(0, 5, requires_grad=True), torch.randn(7, 5, requires_grad=True)
    linear_log_prob(h, weight, torch.zeros(0, dtype=torch.long)).sum().backward()

    assert torch.equal(weight.grad, torch.zeros(7, 5))


@pytest.mark.parametrize("max_logits", [7, 10**6])
def test_linear_log_prob_refuses_a_second_derivative(
    monkeypatch: pytest.MonkeyPatch, max_logits: int
) -> None:
    """In which the probabilities that are kept would count as constants."""
    monkeypatch.setattr(cross_entropy, "MAX_LOGITS", max_logits)
    h, weight = torch.randn(3, 5, requires_grad=True), torch.randn(7, 5)
    value = linear_log_prob(h, weight, torch.zeros(3, dtype=torch.long)).exp().sum()
    (gradient,) = torch.autograd.grad(value, h, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


def test_linear_log_prob_under_autocast_is_near() -> None:
    torch.manual_seed(0)
    h, weight = torch.randn(200, 64), torch.randn(100, 64) / 8
    targets = torch.randint(100, (200,))
    exact = linear_log_prob(h, weight, targets)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = linear_log_prob(h, weight, targets)

    # bfloat16 keeps 8 bits, so that logits up to 4 are off by at most 0.016, to either side.
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().max() < 0.05
    assert (rounded - exact).mean().abs() < 0.005


@pytest.mark.parametrize(
    ("pooling", "expected"), [("last", [2.0, 5.0]), ("mean", [1.5, 4.0]), ("max", [2.0, 5.0])]
)
def test_pool_sees_only_real_tokens(pooling: str, expected: list[float]) -> None:
    h = torch.tensor([[1.0, 2.0, 99.0], [3.0, 4.0, 5.0]])[..., None]
    mask = torch.tensor([[True, True, False], [True, True, True]])

    assert pool(h, mask, pooling)[:, 0].tolist() == expected


def test_pool_refuses_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="'pooling' must be last, mean or max, got 'first'"):
        pool(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool), "first")


def test_word_dropout_keeps_the_start_and_its_rate() -> None:
    torch.manual_seed(0)
    x = torch.full((200, 101), 9)
    x[:, 0] = 1
    dropped = word_dropout(x, 0.3, replacement=3, keep=1)
    rate = (dropped == 3).double().mean() * 101 / 100

    assert (dropped[:, 0] == 1).all()
    assert (rate - 0.3).abs() < 5 * (0.3 * 0.7 / 20_000) ** 0.5  # five standard errors


def test_init_uniform_tells_embeddings_from_the_rest() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(50, 20), nn.Linear(20, 50))
    init_uniform_(module, 0.01, 0.1)

    assert 0.09 < module[0].weight.abs().max() <= 0.1
    assert 0.009 < module[1].weight.abs().max() <= 0.01
    assert module[1].bias.abs().max() <= 0.01


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999])
def test_dropout_has_its_rate_and_keeps_the_mean(rate: float) -> None:
    torch.manual_seed(0)
    n = 400_000
    rounded = min(255, round(256 * rate)) / 256
    y = Dropout(rate)(torch.ones(n, dtype=torch.float64))

    error = (rounded * (1 - rounded) / n) ** 0.5
    assert abs((y == 0).double().mean() - rounded) < 5 * error
    assert abs(y.mean() - 1) < 5 * error / (1 - rounded)
    # Neighbours, which come from one random word, are independent.
    together = ((y[:-1] == 0) & (y[1:] == 0)).double().mean()
    assert abs(together - rounded**2) < 5 * (rounded**2 / n) ** 0.5


def test_locked_dropout_drops_the_same_numbers_at_every_position() -> None:
    torch.manual_seed(0)
    rows, positions, size = 2000, 7, 50
    y = Dropout(0.5, locked=True)(torch.ones(rows, positions, size, dtype=torch.float64))

    assert torch.equal(y, y[:, :1].expand_as(y)) and set(y.unique().tolist()) == {0, 2}
    error = 0.5 / (rows * size) ** 0.5
    assert abs((y[:, 0] == 0).double().mean() - 0.5) < 5 * error
    # Sentences are not dropped alike.
    together = ((y[:-1, 0] == 0) & (y[1:, 0] == 0)).double().mean()
    assert abs(together - 0.25) < 5 * error


def test_dropout_is_for_training() -> None:
    x = torch.randn(5, 3)

    assert torch.equal(Dropout(0.5).eval()(x), x) and torch.equal(Dropout(0.0)(x), x)
    with pytest.raises(ValueError, match="at least 0 and under 1, got 1"):
        Dropout(1)


@pytest.mark.parametrize("own_size", [0, 2, None])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("network", [nn.GRU, nn.LSTM])
def test_recur_equals_the_network_over_repeated_inputs(
    network: type[nn.RNNBase], num_layers: int, own_size: int | None
) -> None:
    """With and without gradients, which take two ways, from a state and from none."""
    torch.manual_seed(0)
    samples, batch, steps, hidden = 3, 4, 5, 6
    model = network(7 + (own_size or 0), hidden, num_layers, batch_first=True).double()
    shared = torch.randn(batch, steps, 7, dtype=torch.double)
    own = None if own_size is None else torch.randn(samples * batch, own_size, dtype=torch.double)
    h, c = torch.randn(2, num_layers, samples * batch, hidden, dtype=torch.double)
    state = (h, c) if network is nn.LSTM else h

    inputs = shared.repeat(samples, 1, 1)
    if own is not None:
        inputs = torch.cat([inputs, own[:, None].expand(-1, steps, -1)], dim=2)
    expected = model(inputs, state)

    torch.testing.assert_close(recur(model, shared, own, state), expected)
    with torch.no_grad():
        torch.testing.assert_close(recur(model, shared, own, state), expected)


def test_recur_drops_out_between_layers_without_gradients_too() -> None:
    model = nn.LSTM(3, 4, 2, batch_first=True, dropout=0.5)
    inputs = torch.randn(2, 5, 3)
    with torch.no_grad():
        for mode in (True, False):
            torch.manual_seed(0)
            expected = model.train(mode)(inputs)[0]
            torch.manual_seed(0)
            torch.testing.assert_close(recur(model, inputs)[0], expected)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("network", [nn.GRU, nn.LSTM])
def test_recur_drops_the_weights_between_states(network: type[nn.RNNBase], grad: bool) -> None:
    """As the network does whose weights were dropped beforehand, in every layer."""
    torch.manual_seed(0)
    model, drop = network(3, 4, 2, batch_first=True).double(), Dropout(0.5)
    inputs = torch.randn(2, 5, 3, dtype=torch.double)
    undropped = model(inputs)[0].detach()
    plain = copy.deepcopy(model)
    torch.manual_seed(1)
    for name in ("weight_hh_l0", "weight_hh_l1"):
        getattr(plain, name).data = drop(getattr(model, name)).detach()

    torch.manual_seed(1)
    with torch.set_grad_enabled(grad):
        outputs = recur(model, inputs, drop=drop)[0]
    torch.testing.assert_close(outputs, plain(inputs)[0], check_stride=False)
    torch.testing.assert_close(recur(model, inputs, drop=drop.eval())[0], undropped)
    if grad:
        outputs.sum().backward()
        dropped = plain.weight_hh_l0 == 0
        assert dropped.any() and (model.weight_hh_l0.grad[dropped] == 0).all()
        assert (model.weight_ih_l0.grad != 0).all()


@pytest.mark.parametrize("network", [nn.GRU, nn.LSTM])
def test_recur_begins_with_zeros_where_there_is_no_state(network: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    model = network(3, 4, batch_first=True).double()
    inputs = torch.randn(2, 5, 3, dtype=torch.double)

    with torch.no_grad():
        torch.testing.assert_close(recur(model, inputs), model(inputs))


@pytest.mark.parametrize("network", [nn.GRU, nn.LSTM])
def test_recur_reads_distinct_vectors_where_they_stand(network: type[nn.RNNBase]) -> None:
    """With gradients and without, which take two ways."""
    torch.manual_seed(0)
    model = network(3, 4, batch_first=True).double()
    words, index = torch.randn(6, 3, dtype=torch.double), torch.randint(6, (2, 5))
    expected = model(words[index])

    torch.testing.assert_close(recur(model, words, index=index), expected)
    with torch.no_grad():
        torch.testing.assert_close(recur(model, words, index=index), expected)
