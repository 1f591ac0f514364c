"""A layer run on the compiled core: torch's tensors go in and out by their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from hiddenstate import native
from hiddenstate.cells.equation import node
from hiddenstate.derive.encoded import LETTERS, encoded
from hiddenstate.infer.compiled import core_cell
from hiddenstate.layers.operators.calls import Inputs, Plan, cell_of


@lru_cache(maxsize=256)
def _core(key: str, keep: str) -> Any:
    return core_cell(cell_of(key), tuple(keep.split()))


@lru_cache(maxsize=256)
def _places(key: str, names: str) -> tuple[int, ...]:
    """For each of the cell's parameters, its place among the names given, -1 where it is not."""
    given = names.split()
    return tuple(given.index(n) if n in given else -1 for n in cell_of(key).parameter_shapes(1, 1, 1))


@lru_cache(maxsize=256)
def _letters(key: str, keep: str) -> tuple[str, ...]:
    """The width letters of what a run gives: the output, the states, the kept values."""
    cell = cell_of(key)
    widths = [cell.width_of(node("symbol", name=name)) for name in (cell.output, *keep.split())]
    return (widths[0], *(state.width for state in cell.states), *widths[1:])


@lru_cache(maxsize=256)
def _heights(key: str) -> tuple[tuple[str, str, int], ...]:
    """For each matrix its weight's name, the letter of its blocks' height, and how many blocks it has."""
    cell = cell_of(key)
    return tuple((m.weight, m.width, len(cell.labels[m.letter])) for m in cell.matrices)


class _Sizes:
    """The sizes of one call, and its arrays without gaps."""

    def __init__(self, plan: Plan, i: Inputs) -> None:
        self.x = i.x.contiguous()
        self.T, self.B, self.F = i.x.shape
        self.widths = {"H": 0, "P": 0}
        named = dict(zip(plan.names.split(), i.parameters, strict=True))
        for weight, letter, blocks in _heights(plan.key):
            self.widths[letter] = len(named[weight]) // blocks
        self.five = (self.T, self.B, self.F, self.widths["H"], self.widths["P"])
        self.parameters = [p.contiguous() for p in i.parameters]
        self.masks = [mask.contiguous() for mask in i.masks]
        self.lengths = None if i.lengths is None else i.lengths.long().contiguous()

    def held(self, plan: Plan) -> tuple[int, int, bool]:
        """Addresses of x and the lengths, and the direction."""
        return self.x.data_ptr(), 0 if self.lengths is None else self.lengths.data_ptr(), plan.reverse

    def addresses(self, plan: Plan, tensors: Sequence[Tensor]) -> list[int]:
        """Addresses of tensors that stand beside the names given, in the cell's order."""
        return [0 if k < 0 else tensors[k].data_ptr() for k in _places(plan.key, plan.names)]

    def outputs(self, plan: Plan, states: int) -> list[tuple[int, ...]]:
        """The shapes of what a run gives."""
        letters = _letters(plan.key, plan.keep)
        steps = [(self.T, self.B, self.widths[letter]) for letter in letters]
        return [shape[1:] if 0 < k <= states else shape for k, shape in enumerate(steps)]


def forward(plan: Plan, i: Inputs, taped: bool) -> list[Tensor]:
    """The output [T, B, width], last states, kept values and, where `taped`, the tape [floats]."""
    sizes, cell = _Sizes(plan, i), _core(plan.key, plan.keep)
    states = [state.contiguous() for state in i.states]
    found = [i.x.new_empty(shape) for shape in sizes.outputs(plan, len(states))]
    tape = i.x.new_empty(cell.tape_size(sizes.five)) if taped else None
    cell.forward(
        sizes.five,
        *sizes.held(plan),
        [state.data_ptr() for state in states],
        sizes.addresses(plan, sizes.parameters),
        [mask.data_ptr() for mask in sizes.masks],
        [out.data_ptr() for out in found],
        0 if tape is None else tape.data_ptr(),
        torch.get_num_threads(),
    )
    return found if tape is None else [*found, tape]


def tape_size(plan: Plan, i: Inputs) -> Any:
    """Floats of the tape that `forward` leaves; sizes may be symbols."""
    widths = _Sizes(plan, i).widths
    states, tape, deviations = _tape_letters(plan.key, plan.keep)
    T, B = i.x.shape[:2]
    rows = sum(_up(widths[letter]) for letter in (*states, *tape))
    return T * B * rows + B * sum(_up(widths[letter]) for letter in states) + deviations * _up(T * B)


def _up(width: Any) -> Any:
    return (width + 15) // 16 * 16


@lru_cache(maxsize=256)
def _tape_letters(key: str, keep: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    arguments = encoded(cell_of(key), tuple(keep.split()), native.ops()).arguments
    _, _, tape, deviations, _ = arguments[6]
    letters = [tuple(LETTERS[k] for k in row) for row in (arguments[1], tape)]
    return letters[0], letters[1], deviations


def empty_gradients(plan: Plan, i: Inputs, wants_x: bool) -> list[Tensor]:
    """Room for the gradients of x (where wanted), of the first states and of the parameters given."""
    sizes, count = _Sizes(plan, i), len(cell_of(plan.key).states)
    states = [i.x.new_empty(shape) for shape in sizes.outputs(plan, count)[1 : 1 + count]]
    return [
        *([torch.empty_like(sizes.x)] if wants_x else []),
        *states,
        *(map(torch.empty_like, sizes.parameters)),
    ]


def backward(
    plan: Plan, i: Inputs, tape: Tensor, grads: Sequence[Tensor | None], wants_x: bool
) -> list[Tensor]:
    """The gradients of x (where wanted), of the first states and of the parameters given."""
    sizes, cell = _Sizes(plan, i), _core(plan.key, plan.keep)
    known = [None if grad is None else grad.contiguous() for grad in grads]
    found = empty_gradients(plan, i, wants_x)
    places = [grad.data_ptr() for grad in found]
    first, states = int(wants_x), len(cell_of(plan.key).states)
    cell.backward(
        sizes.five,
        *sizes.held(plan),
        sizes.addresses(plan, sizes.parameters),
        [mask.data_ptr() for mask in sizes.masks],
        tape.data_ptr(),
        [0 if grad is None else grad.data_ptr() for grad in known],
        places[0] if wants_x else 0,
        places[first : first + states],
        sizes.addresses(plan, found[first + states :]),
        torch.get_num_threads(),
    )
    return found
