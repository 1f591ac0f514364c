"""A layer run on the compiled core: torch's tensors go in and out by their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from hiddenstate import native
from hiddenstate.cells.equation import node
from hiddenstate.derive.encoded import LETTERS, encoded
from hiddenstate.infer.compiled import core_cell
from hiddenstate.layers.operators.calls import Inputs, Plan, cell_of
from hiddenstate.layers.operators.team import share_team


@dataclass(frozen=True)
class _Known:
    """What a plan says before there are tensors.

    places: for each of the cell's parameters its place among those given, -1 where it is not. heights: for H
    and P (-1 where there is none), the place of a weight that tells them, and how many blocks it has. widths:
    the letters of the output, the last states and the kept values; tape: of its values, and of deviations.
    """

    core: Any
    places: tuple[int, ...]
    heights: tuple[tuple[int, int], ...]
    states: int
    widths: tuple[int, ...]
    tape: tuple[int, ...]
    deviations: int

    @property
    def state_widths(self) -> tuple[int, ...]:
        """The letters of the states."""
        return self.widths[1 : 1 + self.states]

    def sizes(self, x: Tensor, parameters: Sequence[Tensor]) -> tuple[Any, ...]:
        """T, B, F, H and P of a call."""
        H, P = (0 if place < 0 else parameters[place].shape[0] // blocks for place, blocks in self.heights)
        return (*x.shape, H, P)

    def shapes(self, sizes: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The shapes of what a run gives."""
        T, B, width = sizes[0], sizes[1], sizes[3:]
        return [
            (B, width[letter]) if 0 < k <= self.states else (T, B, width[letter])
            for k, letter in enumerate(self.widths)
        ]

    def addresses(self, tensors: Sequence[Tensor]) -> list[int]:
        """Addresses of tensors that stand beside the names given, in the cell's order."""
        return [0 if place < 0 else tensors[place].data_ptr() for place in self.places]


@lru_cache(maxsize=256)
def _known(key: str, names: str, keep: str) -> _Known:
    cell, given, wishes = cell_of(key), names.split(), tuple(keep.split())
    heights = {"H": (-1, 1), "P": (-1, 1)}
    for matrix in cell.matrices:
        heights[matrix.width] = (given.index(matrix.weight), len(cell.labels[matrix.letter]))
    widths = [LETTERS.index(cell.width_of(node("symbol", name=name))) for name in (cell.output, *wishes)]
    arguments = encoded(cell, wishes, native.ops()).arguments
    share_team()
    return _Known(
        core_cell(cell, wishes),
        tuple(given.index(n) if n in given else -1 for n in cell.parameter_shapes(1, 1, 1)),
        (heights["H"], heights["P"]),
        len(cell.states),
        (widths[0], *arguments[1], *widths[1:]),
        tuple(arguments[6][2]),
        arguments[6][3],
    )


def forward(plan: Plan, i: Inputs, taped: bool) -> list[Tensor]:
    """The output [T, B, width], last states, kept values and, where `taped`, the tape's parts."""
    known = _known(plan.key, plan.names, plan.keep)
    sizes, x, ends = known.sizes(i.x, i.parameters), i.x.contiguous(), _ends(i.lengths)
    states, parameters, masks = (_whole(tensors) for tensors in (i.states, i.parameters, i.masks))
    found = [x.new_empty(shape) for shape in known.shapes(sizes)]
    outputs = [out.data_ptr() for out in found]
    tape = [x.new_empty(floats) for floats in known.core.tape_sizes(sizes)] if taped else []
    known.core.forward(
        sizes,
        x.data_ptr(),
        0 if ends is None else ends.data_ptr(),
        plan.reverse,
        [state.data_ptr() for state in states],
        known.addresses(parameters),
        [mask.data_ptr() for mask in masks],
        outputs,
        [part.data_ptr() for part in tape],
        torch.get_num_threads(),
    )
    return [*found, *tape]


def _whole(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The same without gaps."""
    return [tensor.contiguous() for tensor in tensors]


def _ends(lengths: Tensor | None) -> Tensor | None:
    return None if lengths is None else lengths.long().contiguous()


def tape_shapes(plan: Plan, i: Inputs) -> list[Any]:
    """The shapes of the tape that `forward` leaves, as the core's tape_sizes; sizes may be symbols."""
    known = _known(plan.key, plan.names, plan.keep)
    sizes = known.sizes(i.x, i.parameters)
    T, B = sizes[:2]
    states, values = ([_up(sizes[3 + k]) for k in row] for row in (known.state_widths, known.tape))
    return [*((B + T * B) * w for w in states), *(T * B * w for w in values), *[T * B] * known.deviations]


def _up(width: Any) -> Any:
    return (width + 15) // 16 * 16


def empty_gradients(plan: Plan, i: Inputs, wants_x: bool) -> list[Tensor]:
    """Room for the gradients of x (where wanted), of the first states and of the parameters given."""
    known = _known(plan.key, plan.names, plan.keep)
    states = known.shapes(known.sizes(i.x, i.parameters))[1 : 1 + known.states]
    shapes = [*([i.x.shape] if wants_x else []), *states, *(p.shape for p in i.parameters)]
    return [i.x.new_empty(shape) for shape in shapes]


def backward(
    plan: Plan, i: Inputs, tape: Sequence[Tensor], grads: Sequence[Tensor | None], wants_x: bool
) -> list[Tensor]:
    """The gradients of x (where wanted), of the first states and of the parameters given."""
    known = _known(plan.key, plan.names, plan.keep)
    x, ends = i.x.contiguous(), _ends(i.lengths)
    parameters, masks = _whole(i.parameters), _whole(i.masks)
    given = [None if grad is None else grad.contiguous() for grad in grads]
    found = empty_gradients(plan, i, wants_x)
    rest = found[1:] if wants_x else found
    known.core.backward(
        known.sizes(x, parameters),
        x.data_ptr(),
        0 if ends is None else ends.data_ptr(),
        plan.reverse,
        known.addresses(parameters),
        [mask.data_ptr() for mask in masks],
        [part.data_ptr() for part in tape],
        [0 if grad is None else grad.data_ptr() for grad in given],
        found[0].data_ptr() if wants_x else 0,
        [grad.data_ptr() for grad in rest[: known.states]],
        known.addresses(rest[known.states :]),
        torch.get_num_threads(),
    )
    return found
