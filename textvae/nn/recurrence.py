"""Recurrent networks over inputs that samples share."""

__all__ = ["recur"]

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from .dropout import Dropout

Packed = Tensor | tuple[Tensor, Tensor] | None
"""The state of a network as PyTorch wants it: (L, N, H), twice for an LSTM; None for zeros."""


def recur(
    network: nn.RNNBase,
    shared: Tensor,
    own: Tensor | None = None,
    state: Packed = None,
    index: Tensor | None = None,
    drop: Dropout | None = None,
) -> tuple[Tensor, Packed]:
    """The outputs of a GRU or an LSTM whose samples read the same sentences.

    On a processor, without autocast and without gradients, what samples or positions share is
    multiplied once and not for each of them, and no weight of an LSTM is rearranged for a call of
    one step. Elsewhere PyTorch's own kernels are faster, or drop out between layers.

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

    one_step = index is None and shared.shape[1] == 1 and isinstance(network, nn.GRU)
    drops = network.training and network.dropout > 0
    special = torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or drops
    if one_step or special or shared.device.type != "cpu":
        return network(_inputs(shared, own, state, index), state)
    return _recur(network, shared, own, state, index)


def _inputs(shared: Tensor, own: Tensor | None, state: Packed, index: Tensor | None) -> Tensor:
    """What each sample reads, with shape (S * B, T, E + D)."""
    inputs = shared if index is None else shared[index]  # (B, T, E)
    if state is not None:
        rows = (state[0] if isinstance(state, tuple) else state).shape[1]
        inputs = inputs.expand(rows // len(inputs), -1, -1, -1).flatten(0, 1)
    if own is None:
        return inputs
    return torch.cat([inputs, own[:, None].expand(-1, inputs.shape[1], -1)], dim=-1)


def _recur(
    network: nn.RNNBase, shared: Tensor, own: Tensor | None, state: Packed, index: Tensor | None
) -> tuple[Tensor, Packed]:
    """As :func:`recur`, by the products of what is shared and of what is a sample's own."""
    of_shared, of_own = network.weight_ih_l0.tensor_split([shared.shape[-1]], dim=1)
    gates = F.linear(shared, of_shared)  # (B, T, G), or (N, G)
    gates = gates.transpose(0, 1).contiguous() if index is None else gates[index.t()]  # (T, B, G)
    static = None if own is None else own @ of_own.t()  # (S * B, G)
    outputs, *last = _layer(network, 0, gates, static, state)
    states = [last]
    for layer in range(1, network.num_layers):
        gates = F.linear(outputs, getattr(network, f"weight_ih_l{layer}"))
        outputs, *last = _layer(network, layer, gates, None, state)
        states.append(last)
    packed = tuple(torch.stack(parts) for parts in zip(*states, strict=True))
    return outputs.transpose(0, 1), packed if len(packed) > 1 else packed[0]


def _layer(
    network: nn.RNNBase, layer: int, gates: Tensor, static: Tensor | None, state: Packed
) -> tuple[Tensor, ...]:
    """The outputs (T, S * B, H) of a layer and its last state, from the products of its inputs
    (T, B, G) and what is added to them at every step (S * B, G)."""
    lstm = isinstance(network, nn.LSTM)
    names = ("weight_hh", "bias_ih", "bias_hh")
    weight, bias, bias_state = (getattr(network, f"{name}_l{layer}") for name in names)
    if state is None:
        state = gates.new_zeros(2, network.num_layers, gates.shape[1], network.hidden_size)
        state = tuple(state) if lstm else state[0]

    bias = bias + bias_state if lstm else bias
    static = bias[None] if static is None else static + bias
    if lstm:
        return _lstm(gates, static, weight.t(), state[0][layer], state[1][layer])
    return _gru(gates, static, weight.t(), bias_state, state[layer])


def _add(static: Tensor, gates: Tensor, out: Tensor) -> None:
    """What does not depend on the state, gates (B, G) and static (S * B, G) or (1, G)."""
    by_sample = out.view(-1, *gates.shape)  # (S, B, G)
    static = static.view_as(by_sample) if len(static) == len(out) else static
    torch.add(gates.expand_as(by_sample), static, out=by_sample)


def _lstm(
    gates: Tensor, static: Tensor, weight: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    outputs = h.new_empty(len(gates), *h.shape)  # (T, N, H)
    total = h.new_empty(len(h), weight.shape[1])  # (N, 4H)
    i, f, g, o = total.chunk(4, dim=1)
    i_and_f = total[:, : 2 * h.shape[1]]
    for t, shared in enumerate(gates):
        _add(static, shared, out=total)
        total.addmm_(h, weight)
        i_and_f.sigmoid_(), g.tanh_(), o.sigmoid_()
        c = (f * c).addcmul_(i, g)
        h = torch.mul(o, c.tanh(), out=outputs[t])
    return outputs, h, c


def _gru(
    gates: Tensor, static: Tensor, weight: Tensor, bias: Tensor, h: Tensor
) -> tuple[Tensor, Tensor]:
    size = h.shape[1]
    outputs = h.new_empty(len(gates), *h.shape)  # (T, N, H)
    total = h.new_empty(len(h), weight.shape[1])  # (N, 3H)
    r_and_z, n = total.split([2 * size, size], dim=1)
    r, z = r_and_z.chunk(2, dim=1)
    for t, shared in enumerate(gates):
        _add(static, shared, out=total)
        from_state = torch.addmm(bias, h, weight)  # (N, 3H)
        r_and_z.add_(from_state[:, : 2 * size]).sigmoid_()
        n.addcmul_(r, from_state[:, 2 * size :]).tanh_()
        h = torch.lerp(n, h, z, out=outputs[t])
    return outputs, h
