"""One layer in one direction over a batch: the one place where a cell is evaluated without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hiddenstate import native
from hiddenstate.cells import Cell
from hiddenstate.derive.reference import Recurrence, unroll
from hiddenstate.infer.compiled import core_cell


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
    arrays = [x, *states, *parameters.values()]
    if native.available() and all(array.dtype == np.float32 for array in arrays):
        return _compiled(cell, parameters, x, states, lengths, reverse)
    with np.errstate(all="ignore"):  # an overflow shows as inf or NaN in the result, as it does in torch
        found = unroll(Recurrence(cell, parameters), x, states, lengths=lengths, reverse=reverse)
    return found.output.astype(x.dtype, copy=False), tuple(
        state.astype(x.dtype, copy=False) for state in found.states
    )


def _compiled(
    cell: Cell,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    states: Sequence[np.ndarray],
    lengths: np.ndarray | None,
    reverse: bool,
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The same on the compiled core, on one thread: arrays go in and out by their addresses."""
    (T, B, F), recurrence = x.shape, Recurrence(cell, parameters)
    size = {"H": 0, "P": 0}
    for matrix in cell.matrices:
        size[matrix.width] = len(parameters[matrix.weight]) // len(cell.labels[matrix.letter])
    held = [np.ascontiguousarray(array) for array in (x, *states)]
    weights = {name: np.ascontiguousarray(array) for name, array in parameters.items()}
    ends = None if lengths is None else np.ascontiguousarray(lengths, dtype=np.int64)
    found = [np.empty((T, B, recurrence.width(cell.output)), np.float32)]
    found += [np.empty_like(state) for state in held[1:]]
    core_cell(cell).forward(
        (T, B, F, size["H"], size["P"]),
        held[0].ctypes.data,
        0 if ends is None else ends.ctypes.data,
        reverse,
        [state.ctypes.data for state in held[1:]],
        [weights[n].ctypes.data if n in weights else 0 for n in cell.parameter_shapes(1, 1, 1)],
        [],
        [array.ctypes.data for array in found],
        [],
        1,
    )
    return found[0], tuple(found[1:])
