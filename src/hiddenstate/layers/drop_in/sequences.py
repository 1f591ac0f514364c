"""RNN, LSTM and GRU in place of torch.nn's: the same arguments, parameters, words and numbers.

They are subclasses, so that `isinstance` and all that torch does before a run stay as they are; what runs is
our operator.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from hiddenstate.cells import CELLS, Cell
from hiddenstate.layers import operators
from hiddenstate.layers.drop_in import refusals
from hiddenstate.layers.operators import Inputs, Plan

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


@cache
def torch_cell(name: str, nonlinearity: str = "tanh") -> tuple[Cell, str]:
    """The cell behind one of torch's modules, and its key."""
    cell = CELLS[name] if nonlinearity == "tanh" else CELLS[name].with_activations(nonlinearity)
    return cell, operators.key_of(cell)


class _OnOurOperator:
    """The forward pass that the three share; everything else comes from torch's own class."""

    def forward(self: Any, input: Any, hx: Any = None) -> Any:
        """Run the layers; input, hx and result are those of the torch.nn class of the same name."""
        self._update_flat_weights()
        packed = isinstance(input, PackedSequence)
        if packed:
            x, hx, places = self._from_packed(input, hx)
        else:
            (x, hx), places = self._from_padded(input, hx), None
        states = hx if isinstance(hx, tuple | list) else (hx,)
        lengths = None if places is None else places.lengths
        output, last = self._run(x, states, lengths, places)
        if packed:
            last = tuple(self._sorted(value, input.unsorted_indices) for value in last)
            output = PackedSequence(places.flat(output), *input[1:])
        elif self.batch_first:
            output = output.transpose(0, 1)
        if not packed and input.dim() == 2:
            output = output.squeeze(0 if self.batch_first else 1)
            last = tuple(value.squeeze(1) for value in last)
        return output, last if self.mode == "LSTM" else last[0]

    def _run(self: Any, x: Tensor, states: Any, lengths: Tensor | None, places: Places | None) -> Any:
        """Every layer and direction over x [T, B, F]: the output, and the last states [L x D, B, width]."""
        _, key = torch_cell(self._cell_name(), getattr(self, "nonlinearity", "tanh"))
        rows: list[list[Tensor]] = []
        directions = ("", "_reverse") if self.bidirectional else ("",)
        names = [name for name in _NAMES if hasattr(self, f"{name}_l0")]
        for layer in range(self.num_layers):
            outputs = []
            for direction in directions:
                parameters = [getattr(self, f"{name}_l{layer}{direction}") for name in names]
                first = [value[len(rows)] for value in states]
                plan = Plan(key, " ".join(names), "", direction != "")
                output, *last = operators.unroll(plan, Inputs(x, first, parameters, (), lengths))
                outputs.append(output)
                rows.append(last)
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                if places is None:
                    x = torch.dropout(x, self.dropout, True)
                else:  # drawn for the steps that are there, as torch draws them
                    x = places.padded(torch.dropout(places.flat(x), self.dropout, True))
        if len(rows) == 1:
            return x, tuple(value.unsqueeze(0) for value in rows[0])
        return x, tuple(torch.stack(values) for values in zip(*rows, strict=True))

    def _cell_name(self: Any) -> str:
        if self.mode == "LSTM":
            return "lstm_projected" if self.proj_size else "lstm"
        return "gru" if self.mode == "GRU" else "rnn"

    def _from_padded(self: Any, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        """The input [T, B, F] and the first state [L x D, B, width], checked in torch's order."""
        refusals.check_rank(self.mode, input)
        batched = input.dim() == 3
        given = input if batched else input.unsqueeze(0 if self.batch_first else 1)
        if hx is None:
            hx = self._zeros(given, given.shape[0 if self.batch_first else 1])
        else:
            refusals.check_state_rank(self.mode, hx, batched)
            if not batched:
                single = hx.unsqueeze(1) if isinstance(hx, Tensor) else None
                hx = tuple(value.unsqueeze(1) for value in hx) if single is None else single
        self.check_forward_args(given, hx, None)
        x = given.transpose(0, 1) if self.batch_first else given
        refusals.check_run(self.mode, x, hx, self._flat_weights)
        return x, hx

    def _from_packed(self: Any, input: PackedSequence, hx: Any) -> tuple[Tensor, Any, Places]:
        """The same of a packed sequence, whose sequences stand in the order of their lengths."""
        data, sizes, order, _ = input
        batch = int(sizes[0])
        if hx is None:
            hx = self._zeros(data, batch)
        else:
            hx = tuple(self._sorted(v, order) for v in hx) if self.mode == "LSTM" else self._sorted(hx, order)
        if self.mode == "LSTM":  # torch leaves these checks to what its products say
            refusals.check_packed_lstm(self, data, hx, batch)
        else:
            self.check_forward_args(data, hx, sizes)
        refusals.check_run(self.mode, data, hx, self._flat_weights)
        rows = self.weight_hh_l0.shape[0] if self.mode == "LSTM" else self.hidden_size
        refusals.check_sizes(data, sizes, rows)
        places = Places(sizes, batch, data.device)
        return places.padded(data[: places.count]), hx, places

    def _zeros(self: Any, like: Tensor, batch: int) -> Any:
        sets = self.num_layers * (2 if self.bidirectional else 1)
        hidden = like.new_zeros(sets, batch, self.proj_size or self.hidden_size)
        return (hidden, like.new_zeros(sets, batch, self.hidden_size)) if self.mode == "LSTM" else hidden

    @staticmethod
    def _sorted(value: Tensor, order: Tensor | None) -> Tensor:
        return value if order is None else value.index_select(1, order)


class Places:
    """Where the steps of a packed sequence lie in a padded one [T, B]."""

    def __init__(self, sizes: Tensor, batch: int, device: torch.device) -> None:
        valid = torch.arange(batch)[None] < sizes.cpu()[:, None]
        self.shape, self.count = valid.shape, int(sizes.sum())
        self.lengths = valid.sum(0).to(device)
        self.index = tuple(place.to(device) for place in valid.nonzero(as_tuple=True))

    def padded(self, flat: Tensor) -> Tensor:
        """[steps, F] -> [T, B, F], zero in the padding."""
        return flat.new_zeros(*self.shape, flat.shape[-1]).index_put(self.index, flat)

    def flat(self, padded: Tensor) -> Tensor:
        """[T, B, F] -> [steps, F], step by step."""
        return padded[self.index]


class RNN(_OnOurOperator, torch.nn.RNN):
    """Elman's network, in place of `torch.nn.RNN`."""


class LSTM(_OnOurOperator, torch.nn.LSTM):
    """Long short-term memory, in place of `torch.nn.LSTM`.

    >>> LSTM(3, 4, num_layers=2)
    LSTM(3, 4, num_layers=2)
    """


class GRU(_OnOurOperator, torch.nn.GRU):
    """Gated recurrent unit (reset after the product), in place of `torch.nn.GRU`."""
