"""Recurrent networks over inputs that samples share."""

__all__ = ["recur"]

import torch
import torch.nn as nn
from torch import Tensor

Packed = Tensor | tuple[Tensor, Tensor] | None
"""The state of a network as PyTorch wants it: (L, N, H), twice for an LSTM; None for zeros."""


def recur(network: nn.RNNBase, shared: Tensor, own: Tensor | None, state: Packed) -> Tensor:
    """The outputs of a GRU or an LSTM whose samples read the same sentences.

    On a processor, in float32 or wider and without gradients, what the samples share is multiplied
    once and not for each of them, and what a sample adds once and not at every step. Elsewhere
    PyTorch's own kernels are faster.

    Arguments:
        network: The network, of one direction, with the batch first.
        shared: What all samples of a sentence read, with shape (B, T, E).
        own: What a sample reads besides at every step, with shape (S * B, D), or None.
        state: The initial state, with layers first, or None for zeros, of N = B rows.

    Returns:
        The outputs, with shape (S * B, T, H).
    """
    rows = len(shared) if own is None else len(own)
    if state is not None:
        rows = (state[0] if isinstance(state, tuple) else state).shape[1]
    if torch.is_grad_enabled() or shared.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        inputs = shared.expand(rows // len(shared), *(-1,) * 3).flatten(0, 1)  # (S * B, T, E)
        if own is not None:
            inputs = torch.cat([inputs, own[:, None].expand(-1, inputs.shape[1], -1)], dim=-1)
        return network(inputs, state)[0]

    outputs = shared.transpose(0, 1)  # time first: each step reads and writes in one place
    for layer in range(network.num_layers):
        outputs = _layer(network, layer, outputs, own if layer == 0 else None, state, rows)
    return outputs.transpose(0, 1)


def _layer(
    network: nn.RNNBase, layer: int, inputs: Tensor, own: Tensor | None, state: Packed, rows: int
) -> Tensor:
    """The outputs (T, S * B, H) of one layer."""
    of_input, of_state, bias_input, bias_state = (
        getattr(network, f"{name}_l{layer}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    of_shared, of_own = of_input.split([inputs.shape[2], of_input.shape[1] - inputs.shape[2]], 1)
    gates = inputs @ of_shared.t() + bias_input  # (T, B, G)
    static = None if own is None else own @ of_own.t()  # (S * B, G)
    if state is None:
        state = gates.new_zeros(2, network.num_layers, rows, network.hidden_size).unbind()
        state = state if isinstance(network, nn.LSTM) else state[0]

    if isinstance(network, nn.LSTM):
        h, c = state[0][layer], state[1][layer]
        return _lstm(gates + bias_state, static, of_state.t().contiguous(), h, c)
    return _gru(gates, static, of_state.t().contiguous(), bias_state, state[layer])


def _add(static: Tensor | None, gates: Tensor, out: Tensor) -> None:
    """What does not depend on the state: static (N, G) and gates (B, G), into `out` (N, G)."""
    by_sample = out.view(-1, *gates.shape)  # (S, B, G)
    if static is None:
        by_sample.copy_(gates.expand_as(by_sample))
    else:
        torch.add(static.view_as(by_sample), gates, out=by_sample)


def _lstm(gates: Tensor, static: Tensor | None, weight: Tensor, h: Tensor, c: Tensor) -> Tensor:
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
    return outputs


def _gru(gates: Tensor, static: Tensor | None, weight: Tensor, bias: Tensor, h: Tensor) -> Tensor:
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
    return outputs
