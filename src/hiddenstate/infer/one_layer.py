"""One layer in one direction over a batch: the one place where a cell is evaluated without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hiddenstate.cells import Cell
from hiddenstate.derive.reference import Recurrence, unroll


def run_layer(
    cell: Cell,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    states: Sequence[np.ndarray],
    lengths: np.ndarray | None,
    reverse: bool,
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Run x [T, B, F] from states [B, width] and give (output [T, B, width], the last states [B, width]).

    `parameters` are named as in `Cell.parameter_shapes`, all of x's type. `lengths` [B] of 0 to T (None: all
    are T) end each sequence: later steps are never read and give zeros. `reverse` reads each from its end.
    """
    with np.errstate(all="ignore"):  # an overflow shows as inf or NaN in the result, as it does in torch
        found = unroll(Recurrence(cell, parameters), x, states, lengths=lengths, reverse=reverse)
    return found.output.astype(x.dtype, copy=False), tuple(
        state.astype(x.dtype, copy=False) for state in found.states
    )
