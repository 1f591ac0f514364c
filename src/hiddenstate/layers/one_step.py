"""A cell as a module: one step at a time, for loops that are written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hiddenstate.cells import Cell
from hiddenstate.errors import InvalidArgument
from hiddenstate.layers import operators
from hiddenstate.layers.cell_module import CellModule, Options, checked_size
from hiddenstate.layers.operators import Inputs, Plan

State = tuple[Tensor, ...]


class RecurrentCell(CellModule):
    """One step of any cell: takes a word and the hidden state, returns the output and the next hidden state.

    x is [B, F] or [F]; the state is a tuple with one tensor [B, width] (or [width]) for each of the cell's
    states, None for the first one. Options as for `Recurrent`, whose parameters have the same names with a
    layer's suffix.

    >>> rnn, hidden = RecurrentCell("rnn", 100, 10), None
    >>> for word in torch.zeros(3, 100):
    ...     output, hidden = rnn(word, hidden)
    >>> output.shape, rnn.weight_joint.shape
    (torch.Size([10]), torch.Size([110, 10]))
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        *,
        proj_size: int = 0,
        bias: bool = True,
        first_state: str = "zeros",
        activation: str | dict[str, str] | None = None,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        seed: int = 0,
        backend: str = "auto",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        options = Options(proj_size, bias, activation, 0.0, zoneout, layer_norm, first_state, seed, backend)
        super().__init__(cell, hidden_size, options)
        self.input_size = checked_size("input_size", input_size)
        self.add_parameters({"": input_size}, {"device": device, "dtype": dtype})

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Take one step and return (output [B, width], state)."""
        if not isinstance(x, Tensor) or x.dim() not in (1, 2):
            came = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise InvalidArgument(f"expected one step x as [F] or [B, F], came {came}")
        self.checked_input(x, self.input_size)
        self.refuse_single_steps("a single step")
        single = x.dim() == 1
        rows = x.view(1, 1, -1) if single else x.unsqueeze(0)
        if state is None:
            given = [value[0] for value in self.first_rows(rows.shape[1])]
        else:
            given = list(self.checked_state(state, tuple(x.shape[:-1]), x))
            given = [value.unsqueeze(0) for value in given] if single else given
        plan = Plan(self._key, " ".join(self.names), backend=self.backend)
        inputs = Inputs(rows, given, self.parameters_of(""), self.draw_masks(rows))
        output, *last = operators.unroll(plan, inputs)
        if single:
            return output[0, 0], tuple(value[0] for value in last)
        return output[0], tuple(last)

    def initial_state(self, batch: int | None = None) -> State:
        """The first state of B sequences, [B, width] for each state, or of one, [width]."""
        rows = self.first_rows(1 if batch is None else checked_size("batch", batch, 0))
        return tuple(value[0] if batch is not None else value[0, 0] for value in rows)

    @property
    def weight_joint(self) -> Tensor:
        """The matrix [F + fed back, gates x H] that the input joined to the previous output goes through."""
        return self.joint("")[0]

    @property
    def bias_joint(self) -> Tensor:
        """The bias that belongs to `weight_joint`."""
        return self.joint("")[1]

    def extra_repr(self) -> str:
        """What differs from the defaults."""
        return ", ".join(
            [repr(self.cell.name), str(self.input_size), str(self.hidden_size), *self.options.shown()]
        )
