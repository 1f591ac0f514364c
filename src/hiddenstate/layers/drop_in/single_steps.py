"""RNNCell, LSTMCell and GRUCell in place of torch.nn's: one step, on our operator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hiddenstate.layers import operators
from hiddenstate.layers.drop_in import refusals
from hiddenstate.layers.drop_in.sequences import torch_cell
from hiddenstate.layers.operators import Inputs, Plan


def _states(module: Any, name: str, x: Tensor, hx: Any) -> Any:
    """The given state with a batch axis, checked, or None."""
    if hx is None:
        return None
    single = x.dim() == 1
    if name == "LSTMCell":
        for index, value in enumerate(hx):
            if value.dim() not in (1, 2):
                raise ValueError(f"LSTMCell: Expected hx[{index}] to be 1D or 2D, got {value.dim()}D instead")
        return (hx[0].unsqueeze(0), hx[1].unsqueeze(0)) if single else hx
    if hx.dim() not in (1, 2):
        raise ValueError(f"{name}: Expected hidden to be 1D or 2D, got {hx.dim()}D instead")
    return hx.unsqueeze(0) if single else hx


def _step(module: Any, name: str, cell: str, input: Tensor, hx: Any) -> tuple[Tensor, ...]:
    """One step of a torch cell from its input [B, F] or [F]; every new state."""
    if input.dim() not in (1, 2):
        raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
    x = input.unsqueeze(0) if input.dim() == 1 else input
    states = _states(module, name, input, hx)
    if states is None:
        zeros = x.new_zeros(x.shape[0], module.hidden_size)
        states = (zeros, zeros) if name == "LSTMCell" else zeros
    refusals.check_cell(f"{cell}_cell", x, states, module)
    nonlinearity = getattr(module, "nonlinearity", "tanh")
    if nonlinearity not in ("tanh", "relu"):
        raise RuntimeError(f"Unknown nonlinearity: {nonlinearity}")
    _, key = torch_cell(cell, nonlinearity)
    names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if module.bias_ih is not None else [])]
    parameters = [getattr(module, part) for part in names]
    given = [states] if isinstance(states, Tensor) else list(states)
    found = operators.unroll(Plan(key, " ".join(names)), Inputs(x.unsqueeze(0), given, parameters))[1:]
    return tuple(value.squeeze(0) for value in found) if input.dim() == 1 else tuple(found)


class RNNCell(torch.nn.RNNCell):
    """One step of Elman's network, in place of `torch.nn.RNNCell`."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Take one step: input [B, F] or [F], hx and result [B, H] or [H]."""
        return _step(self, "RNNCell", "rnn", input, hx)[0]


class LSTMCell(torch.nn.LSTMCell):
    """One step of long short-term memory, in place of `torch.nn.LSTMCell`."""

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Take one step: input [B, F] or [F], hx and result (h, c), each [B, H] or [H]."""
        h, c = _step(self, "LSTMCell", "lstm", input, hx)
        return h, c


class GRUCell(torch.nn.GRUCell):
    """One step of a gated recurrent unit, in place of `torch.nn.GRUCell`."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Take one step: input [B, F] or [F], hx and result [B, H] or [H]."""
        return _step(self, "GRUCell", "gru", input, hx)[0]
