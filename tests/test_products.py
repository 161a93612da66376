"""Products by either library, and what is built on them."""

from collections.abc import Callable

import pytest
import torch
import torch.nn as nn
from torch import Tensor

from textvae.decoders import ConvolutionalDecoder, GRUDecoder, LSTMDecoder
from textvae.decoding import decode
from textvae.nn import linear, linear_log_prob, matmul, products, recur, recurrence

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN"
)


@pytest.fixture(params=[False, pytest.param(True, marks=needs_onednn)], ids=["mkl", "onednn"])
def onednn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whatever the processor, both."""
    for module in (products, recurrence):
        monkeypatch.setattr(module, "onednn_is_faster", lambda: request.param)
    return request.param


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each product was one of oneDNN's."""
    asked, chosen = products._by_onednn, []
    monkeypatch.setattr(
        products, "_by_onednn", lambda a, b: chosen.append(asked(a, b)) or chosen[-1]
    )
    return chosen


def part(rows: int, columns: int) -> Tensor:
    """A part of a wider matrix."""
    return torch.randn(rows, columns + 3)[:, :columns]


@pytest.mark.parametrize("rows", [0, 1, 5, 40])
@pytest.mark.parametrize(
    "b",
    [
        lambda: torch.randn(16, 24),
        lambda: torch.randn(24, 16).t(),
        lambda: part(16, 24),
        lambda: part(24, 16).t(),
    ],
    ids=["whole", "transposed", "part", "part, transposed"],
)
def test_matmul_equals_the_product_in_float64(
    onednn: bool, b: Callable[[], Tensor], rows: int
) -> None:
    torch.manual_seed(0)
    right = b()
    for left in (torch.randn(rows, 16), torch.randn(16, rows).t(), part(rows, 16)):
        expected = left.double() @ right.double()
        with torch.no_grad():
            found = matmul(left, right)
            roomy = matmul(left, right, torch.full((rows, 24), torch.nan))
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(roomy, found)


def test_matmul_goes_to_onednn_where_it_may(onednn: bool, calls: list[bool]) -> None:
    a, b = torch.randn(40, 8), torch.randn(8, 6)
    with torch.no_grad():
        matmul(a, b)
        matmul(a, b.t().contiguous().t())
        matmul(a, part(8, 6))
        assert calls == [onednn] * 3
        matmul(a[:2], part(8, 6))  # a copy would not pay
        matmul(a.double(), b.double())
        with torch.autocast("cpu", torch.bfloat16):
            assert matmul(a, b).dtype == torch.bfloat16
    matmul(a, b)
    assert calls[3:] == [False] * 4


def test_matmul_keeps_its_gradient(onednn: bool) -> None:
    a = torch.randn(3, 4, requires_grad=True)
    b = torch.randn(4, 5)
    matmul(a, b).sum().backward()
    torch.testing.assert_close(a.grad, b.sum(dim=1).expand(3, 4))


def test_linear_log_prob_and_its_gradient_by_either(onednn: bool, calls: list[bool]) -> None:
    torch.manual_seed(0)
    h, weight = torch.randn(40, 16, requires_grad=True), torch.randn(30, 16, requires_grad=True)
    targets = torch.randint(30, (40,))
    log_probs = (h.double() @ weight.double().t()).log_softmax(dim=1)
    expected = log_probs.gather(1, targets[:, None])[:, 0]

    found = linear_log_prob(h, weight, targets)
    torch.testing.assert_close(found, expected.float())
    for a, b in zip(
        torch.autograd.grad(found.sum(), (h, weight)),
        torch.autograd.grad(expected.sum(), (h, weight)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert calls == [onednn] * 3


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("network", [nn.GRU, nn.LSTM])
def test_recur_by_either(
    onednn: bool, calls: list[bool], network: type[nn.RNNBase], steps: int
) -> None:
    torch.manual_seed(0)
    model = network(7 + 2, 6, 2, batch_first=True)
    shared, own = torch.randn(40, steps, 7), torch.randn(40, 2)
    h, c = torch.randn(2, 2, 40, 6)
    state = (h, c) if network is nn.LSTM else h
    inputs = torch.cat([shared, own[:, None].expand(-1, steps, -1)], dim=2)

    with torch.no_grad():
        found = recur(model, shared, own, state)
        torch.testing.assert_close(found, model(inputs, state), rtol=1e-4, atol=1e-5)
    by_its_products = onednn or steps > 1 or network is nn.LSTM
    assert set(calls) == ({onednn} if by_its_products else set())


@pytest.mark.parametrize("kind", [LSTMDecoder, GRUDecoder, ConvolutionalDecoder])
def test_search_by_either(onednn: bool, kind: type) -> None:
    """It finds what it finds in float64, whose products have one library alone."""
    torch.manual_seed(0)
    decoder = kind(30, 3, 8, 16, init_range=1.0).eval()
    z = torch.randn(40, 3)
    found = decode(decoder, z, strategy="beam", max_length=6)
    exact = decode(decoder.double(), z.double(), strategy="beam", max_length=6)
    assert found == exact


def test_half_precision_converts_a_parameter_once() -> None:
    """Autocast keeps what it made of a parameter, but not of a transposed one."""
    h, weight = torch.randn(4, 8).bfloat16(), nn.Parameter(torch.randn(6, 8))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        linear(h, weight)
        with torch.profiler.profile(acc_events=True) as profile:
            found = linear(h, weight)
    assert found.dtype == torch.bfloat16
    assert "aten::copy_" not in {event.key for event in profile.key_averages()}


@pytest.mark.parametrize("rows", [1, 40])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [LSTMDecoder, GRUDecoder])
def test_parameters_in_half_precision_search_and_score(
    kind: type, dtype: torch.dtype, rows: int
) -> None:
    decoder = kind(30, 3, 8, 16).to(dtype).eval()
    z = torch.randn(rows, 3).to(dtype)
    assert len(decode(decoder, z, max_length=4)) == rows
    x, mask = torch.ones(rows, 5, dtype=torch.long), torch.ones(rows, 5, dtype=torch.bool)
    with torch.no_grad():
        assert decoder.log_prob(x, mask, z.repeat(2, 1, 1)).isfinite().all()


def test_recur_in_half_precision_is_near() -> None:
    """A part in 256 of a number of size one."""
    torch.manual_seed(0)
    for network in (nn.LSTM, nn.GRU):
        model = network(7 + 2, 6, 2, batch_first=True)
        shared, own = torch.randn(4, 5, 7), torch.randn(3 * 4, 2)
        h, c = torch.randn(2, 2, 3 * 4, 6)
        state = (h, c) if network is nn.LSTM else h
        with torch.no_grad():
            expected = recur(model, shared, own, state)
            with torch.autocast("cpu", torch.bfloat16):
                assert recurrence._by_own_products(model, shared, state, None)
                found = recur(model, shared, own, state)
        assert found[0].dtype == torch.bfloat16
        torch.testing.assert_close(found, expected, rtol=0, atol=2 / 256, check_dtype=False)
