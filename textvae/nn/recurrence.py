"""Recurrent networks over inputs that samples share."""

__all__ = ["recur"]

from collections.abc import Sequence

import torch
import torch.nn as nn
from torch import Tensor
from torch.func import functional_call

from .dropout import Dropout
from .precision import at_least_float32
from .products import FEW_ROWS, matmul, onednn_is_faster

Packed = Tensor | tuple[Tensor, Tensor] | None
"""The state of a network as PyTorch wants it: (L, N, H), twice for an LSTM; None for zeros."""

Step = Tensor | tuple[Tensor, Tensor]
"""What the inputs of a step add to its gates, (B, G); or a table (N, G) and its rows (B,)."""

WIDE = (torch.float32, torch.float64)


def recur(
    network: nn.RNNBase,
    shared: Tensor,
    own: Tensor | None = None,
    state: Packed = None,
    index: Tensor | None = None,
    drop: Dropout | None = None,
) -> tuple[Tensor, Packed]:
    """The outputs of a GRU or an LSTM whose samples read the same sentences.

    On a processor, without gradients, what samples or positions share is multiplied once and not
    for each of them, and no weight of an LSTM is rearranged for a call of one step. Under autocast
    this is so for samples, and for positions of a GRU, with products and outputs in half precision
    and all else in float32. Elsewhere PyTorch's kernels are faster, or drop out between layers.

    Arguments:
        network: The network, of one direction, with the batch first.
        shared: What all samples of a sentence read, with shape (B, T, E); with `index`, the
            distinct vectors of it, with shape (N, E).
        own: What a sample reads besides at every step, with shape (S * B, D), or None.
        state: The initial state, of S * B rows, with layers first; None for zeros, where S = 1.
        index: Which of the distinct vectors is read where, with shape (B, T), or None.
        drop: What drops weights from state to state, for all steps alike, or None.

    Returns:
        The outputs, with shape (S * B, T, H), and the last state.
    """
    if drop is not None and drop.active:
        weights = network.named_parameters()
        dropped = {name: drop(weight) for name, weight in weights if name.startswith("weight_hh")}
        return functional_call(network, dropped, (_inputs(shared, own, state, index), state))

    if not _by_own_products(network, shared, state, index):
        return network(_inputs(shared, own, state, index), state)
    if index is None and shared.shape[1] == 1:
        shared, own = _inputs(shared, own, state, index), None
    half = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if half else shared.dtype
    with torch.autocast("cpu", enabled=False):
        return _recur(network, shared, own, state, index, dtype)


def _by_own_products(
    network: nn.RNNBase, shared: Tensor, state: Packed, index: Tensor | None
) -> bool:
    """Whether it pays to multiply what is shared once, by a loop of our own."""
    drops = network.training and network.dropout > 0
    if torch.is_grad_enabled() or drops or shared.device.type != "cpu":
        return False
    half = torch.is_autocast_enabled("cpu")
    if network.weight_hh_l0.dtype not in ((torch.float32,) if half else WIDE):
        return False
    if half:  # an LSTM of PyTorch's is faster than words that are multiplied once
        words = index is not None and isinstance(network, nn.GRU)
        return words or _rows(state) > len(shared)
    if index is None and shared.shape[1] == 1 and isinstance(network, nn.GRU):
        return len(shared) >= FEW_ROWS and onednn_is_faster()  # else PyTorch does as much
    return True


def _rows(state: Packed) -> int:
    """The samples that a state is of; 0 for none."""
    if state is None:
        return 0
    return (state[0] if isinstance(state, tuple) else state).shape[1]


def _inputs(shared: Tensor, own: Tensor | None, state: Packed, index: Tensor | None) -> Tensor:
    """What each sample reads, with shape (S * B, T, E + D)."""
    inputs = shared if index is None else shared[index]  # (B, T, E)
    if state is not None:
        inputs = inputs.expand(_rows(state) // len(inputs), -1, -1, -1).flatten(0, 1)
    if own is None:
        return inputs
    return torch.cat([inputs, own[:, None].expand(-1, inputs.shape[1], -1)], dim=-1)


def _recur(
    network: nn.RNNBase,
    shared: Tensor,
    own: Tensor | None,
    state: Packed,
    index: Tensor | None,
    dtype: torch.dtype,
) -> tuple[Tensor, Packed]:
    """As :func:`recur`, by products in `dtype` of what is shared and of what is a sample's own."""
    of_shared = of_own = network.weight_ih_l0.to(dtype)
    if own is not None:
        of_shared, of_own = of_shared.tensor_split([shared.shape[-1]], dim=1)
    gates = _linear(shared, of_shared)  # (B, T, G), or (N, G)
    gates = gates.transpose(0, 1) if index is None else gates
    static = None if own is None else _linear(own, of_own)  # (S * B, G)
    outputs, *last = _layer(network, 0, gates, static, state, index, dtype)
    states = [last]
    for layer in range(1, network.num_layers):
        gates = _linear(outputs, getattr(network, f"weight_ih_l{layer}").to(dtype))
        outputs, *last = _layer(network, layer, gates, None, state, None, dtype)
        states.append(last)
    packed = tuple(torch.stack(parts) for parts in zip(*states, strict=True))
    return outputs.transpose(0, 1), packed if len(packed) > 1 else packed[0]


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T`` of any leading shape, multiplied in the weight's precision."""
    product = matmul(x.flatten(0, -2).to(weight.dtype), weight.t())
    return at_least_float32(product).unflatten(0, x.shape[:-1])


def _layer(
    network: nn.RNNBase,
    layer: int,
    gates: Tensor,
    static: Tensor | None,
    state: Packed,
    index: Tensor | None,
    dtype: torch.dtype,
) -> tuple[Tensor, ...]:
    """The outputs (T, S * B, H) of a layer and its last state, from the products of its inputs
    (T, B, G), or (N, G) with an index (B, T), and what a sample adds to them (S * B, G)."""
    lstm = isinstance(network, nn.LSTM)
    names = ("weight_hh", "bias_ih", "bias_hh")
    weight, bias, bias_state = (getattr(network, f"{name}_l{layer}") for name in names)
    if state is None:
        rows = gates.shape[1] if index is None else len(index)
        state = gates.new_zeros(2, network.num_layers, rows, network.hidden_size)
        state = tuple(state) if lstm else state[0]
    parts = state if lstm else (state,)
    begin = [at_least_float32(part[layer]) for part in parts]

    gates += bias + bias_state if lstm else bias
    steps = gates.unbind() if index is None else [(gates, rows) for rows in index.t()]
    weight = weight.to(dtype).t()
    if lstm:
        return _lstm(steps, static, weight, *begin)
    return _gru(steps, static, weight, bias_state, *begin)


def _add(step: Step, static: Tensor | None, out: Tensor) -> None:
    """What does not depend on the state, for all samples, with shape (S * B, G)."""
    if isinstance(step, tuple):  # not for all steps at once, which no cache would hold
        table, rows = step
        step = table.index_select(0, rows)
    by_sample = out.view(-1, *step.shape)  # (S, B, G)
    if static is None:
        by_sample.copy_(step)
    else:
        torch.add(step, static.view_as(by_sample), out=by_sample)


def _lstm(
    steps: Sequence[Step], static: Tensor | None, weight: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    outputs = weight.new_empty(len(steps), *h.shape)  # (T, N, H)
    total = c.new_empty(len(h), weight.shape[1])  # (N, 4H)
    room = weight.new_empty(total.shape)
    i, f, g, o = total.chunk(4, dim=1)
    i_and_f = total[:, : 2 * h.shape[1]]
    h = h.to(weight.dtype)
    for t, step in enumerate(steps):
        _add(step, static, out=total)
        total += matmul(h, weight, room)
        i_and_f.sigmoid_(), _tanh_(g), o.sigmoid_()
        c = (f * c).addcmul_(i, g)
        h = torch.mul(o, _tanh_(c.clone()), out=outputs[t])
    return outputs, h, c


def _gru(
    steps: Sequence[Step], static: Tensor | None, weight: Tensor, bias: Tensor, h: Tensor
) -> tuple[Tensor, Tensor]:
    size = h.shape[1]
    outputs = weight.new_empty(len(steps), *h.shape)  # (T, N, H)
    total = h.new_empty(len(h), weight.shape[1])  # (N, 3H)
    room = weight.new_empty(total.shape)
    r_and_z, n = total.split([2 * size, size], dim=1)
    r, z = r_and_z.chunk(2, dim=1)
    read = h.to(weight.dtype)
    for t, step in enumerate(steps):
        _add(step, static, out=total)
        from_state = matmul(read, weight, room) + bias  # (N, 3H)
        r_and_z.add_(from_state[:, : 2 * size]).sigmoid_()
        _tanh_(n.addcmul_(r, from_state[:, 2 * size :]))
        h = torch.lerp(n, h, z)
        read = outputs[t].copy_(h)
    return outputs, h


def _tanh_(x: Tensor) -> Tensor:
    """tanh in place, off by at most 2e-7: PyTorch's takes five times as long as this."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)
