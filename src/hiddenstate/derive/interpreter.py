"""A NumPy interpreter of tile programs: forward over a sequence, then back-propagation through time.

It shows what a tile program means, and judges other interpreters. Letters: T B F H as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.parts import Product
from hiddenstate.derive.reference import NORM_EPSILON, NUMPY, Recurrence
from hiddenstate.derive.tile import RowWork, TileProgram, TileStage, tile_program

Buffers = dict[str, np.ndarray]


class Walker:
    """A cell with its parameters, ready to go a step forwards and back again; per-step masks read as given.

    What stands behind the batch B in shapes is the width of a value; adjoints may have axes before it, so
    that many are taken back through the same step at once. `watched` names values whose adjoint is wanted.
    """

    def __init__(
        self, cell: Cell, parameters: Mapping[str, np.ndarray], watched: tuple[str, ...] = ()
    ) -> None:
        self.cell, self.program = cell, tile_program(cell, (), watched)
        self.recurrence, self.watched = Recurrence(cell, parameters), watched
        pairs = (zip(p.nodes(), p.names(), strict=True) for p in self.program.inputs)
        self._names = {block: name for pair in pairs for block, name in pair}
        self._fixed: Buffers = {
            f"vector:{vector.name}": parameters[vector.name] for vector in (*cell.vectors, *cell.norm_vectors)
        }

    def step(
        self, x: np.ndarray, states: Sequence[np.ndarray], masks: Mapping[str, np.ndarray] | None = None
    ) -> Buffers:
        """Go from states [B, width] with the input x [B, F]: everything that the step computes."""
        products = self.recurrence.input_products(x)
        buffers: Buffers = {f"product:{self._names[block]}": z for block, z in products.items()}
        buffers |= {"x": x, **self._fixed}
        buffers |= {f"state:{s.name}": v for s, v in zip(self.cell.states, states, strict=True)}
        for mask in self.cell.masks:
            mean = np.asarray(1.0 if mask.scaled else 1 - mask.rate)
            buffers[f"mask:{mask.name}"] = mean if masks is None else masks[mask.name]
        for stage in self.program.forward:
            _run(stage, buffers, self.recurrence)
        return buffers

    def next_states(self, buffers: Buffers) -> tuple[np.ndarray, ...]:
        """The states [B, width] after a step."""
        return tuple(buffers[f"next:{state.name}"] for state in self.cell.states)

    def back(
        self,
        buffers: Buffers,
        output: np.ndarray,
        states: Sequence[np.ndarray],
        sums: Mapping[str, np.ndarray] | None = None,
    ) -> Buffers:
        """Go back through a step from the adjoints [..., B, width] of its output and of its new states.

        Gives everything that is computed on the way: "back:h" and so on, the adjoints of the states before,
        "back:x" that of the input, "total:h" those watched. Adjoints of the parameters are added to `sums`.
        """
        found = {**buffers, "adjoint:": output}
        found |= {f"adjoint:{s.name}": v for s, v in zip(self.cell.states, states, strict=True)}
        for stage in self.program.backward:
            _run(stage, found, self.recurrence, sums)
        lead = output.shape[:-1]
        dx = np.zeros((*lead, buffers["x"].shape[-1]))
        for product, source in self.program.operands.items():
            deltas = [
                np.broadcast_to(found[self.program.deltas[name]], (*lead, _block(found, name)[-1]))
                for name in product.names()
            ]
            if sums is not None:
                _add_weight_gradient(self.cell, product, np.concatenate(deltas, -1), buffers[source], sums)
            if source == "x":
                dx += np.concatenate(deltas, -1) @ _rows(self.recurrence, product)
        found["back:x"] = dx
        widths = {f"back:{s.name}": v.shape[-1] for s, v in zip(self.cell.states, states, strict=True)}
        widths |= {f"total:{name}": self.recurrence.width(name) for name in self.watched}
        for name, width in widths.items():
            found[name] = np.broadcast_to(found[name], (*lead, width))
        return found

    def previous(self, found: Buffers) -> tuple[np.ndarray, ...]:
        """The adjoints of the states before a step, of what `back` found."""
        return tuple(found[f"back:{state.name}"] for state in self.cell.states)


@dataclass
class Tape:
    """What the forward pass leaves for the backward pass: the buffers of every step."""

    walker: Walker
    x: np.ndarray
    output: np.ndarray
    states: tuple[np.ndarray, ...]
    steps: list[Buffers] = field(default_factory=list)

    @property
    def program(self) -> TileProgram:
        """What was run."""
        return self.walker.program


def forward(
    cell: Cell,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    states: Sequence[np.ndarray],
    masks: Mapping[str, np.ndarray] | None = None,
) -> Tape:
    """Run a cell's tile program over x [T, B, F] from the given states; per-step masks are [T, B, H]."""
    walker = Walker(cell, parameters)
    outputs, tape = [], Tape(walker, x, x, ())
    current = tuple(states)
    per_step = {mask.name: mask.per == "step" for mask in cell.masks}
    for t in range(x.shape[0]):
        drawn = masks and {name: mask[t] if per_step[name] else mask for name, mask in masks.items()}
        buffers = walker.step(x[t], current, drawn)
        current = walker.next_states(buffers)
        outputs.append(buffers["output:"])
        tape.steps.append(buffers)
    nothing = np.zeros((0, x.shape[1], walker.recurrence.width(cell.output)))
    tape.output, tape.states = np.stack(outputs) if outputs else nothing, current
    return tape


@dataclass(frozen=True)
class Gradients:
    """The gradient of x [T, B, F], of the first states, and of every parameter."""

    x: np.ndarray
    states: tuple[np.ndarray, ...]
    parameters: Mapping[str, np.ndarray]


def backward(tape: Tape, output: np.ndarray, states: Sequence[np.ndarray]) -> Gradients:
    """Back-propagate the gradients of the outputs [T, B, width] and of the last states through time."""
    values = tape.walker.recurrence.parameters.values
    sums = {name: np.zeros_like(value) for name, value in values.items()}
    dx = np.zeros_like(tape.x)
    carried = tuple(states)
    for t in reversed(range(len(tape.steps))):
        found = tape.walker.back(tape.steps[t], output[t], carried, sums)
        dx[t], carried = found["back:x"], tape.walker.previous(found)
    return Gradients(dx, carried, sums)


def _block(buffers: Buffers, name: str) -> tuple[int, ...]:
    return buffers[f"product:{name}"].shape


def _rows(recurrence: Recurrence, product: Product) -> np.ndarray:
    matrix = recurrence.cell.matrix(product.letter)
    weight = recurrence.parameters.values[matrix.weight]
    rows = weight.shape[0] // len(recurrence.cell.labels[product.letter])
    return weight[product.first * rows : (product.first + len(product.labels)) * rows]


def _add_weight_gradient(
    cell: Cell, product: Product, delta: np.ndarray, operand: np.ndarray, sums: Mapping[str, np.ndarray]
) -> None:
    matrix = cell.matrix(product.letter)
    rows = sums[matrix.weight].shape[0] // len(cell.labels[product.letter])
    part = slice(product.first * rows, (product.first + len(product.labels)) * rows)
    sums[matrix.weight][part] += delta.T @ operand
    if matrix.bias in sums:
        sums[matrix.bias][part] += delta.sum(0)


def _run(
    stage: TileStage, buffers: Buffers, recurrence: Recurrence, sums: Mapping[str, np.ndarray] | None = None
) -> None:
    for work in stage.rows:
        _row_work(work, buffers, recurrence)
    registers: list[np.ndarray] = []
    for instruction in stage.code:
        args = [registers[k] for k in instruction.args]
        if instruction.op == "load":
            registers.append(buffers[instruction.buffer])
        elif instruction.op == "store":
            kind, _, name = instruction.buffer.partition(":")
            if kind == "sum" and sums is not None:
                sums[name][...] += np.broadcast_to(args[0], (*np.shape(args[0])[:-1], sums[name].size)).sum(0)
            buffers[instruction.buffer] = args[0]
            registers.append(args[0])
        elif instruction.op == "const":
            registers.append(np.asarray(instruction.constants[0]))
        else:
            table = NUMPY.functions if instruction.op in NUMPY.functions else NUMPY.primitives
            registers.append(table[instruction.op](*args, *instruction.constants))


def _row_work(work: RowWork, buffers: Buffers, recurrence: Recurrence) -> None:
    sources = [buffers[name] for name in work.sources]
    if work.op == "product" and work.product is not None:
        blocks = recurrence.parameters.product(
            NUMPY, work.product.letter, work.product.first, len(work.targets), sources[0]
        )
        buffers.update(zip(work.targets, blocks, strict=True))
    elif work.op == "product_back" and work.product is not None:
        weight = _rows(recurrence, work.product)
        blocks = np.split(weight, len(sources))
        buffers[work.targets[0]] = sum(
            np.broadcast_to(delta, (*np.shape(delta)[:-1], block.shape[0])) @ block
            for delta, block in zip(sources, blocks, strict=True)
        )
    elif work.op == "norm":
        centred = sources[0] - sources[0].mean(-1, keepdims=True)
        deviation = 1 / np.sqrt((centred * centred).mean(-1, keepdims=True) + NORM_EPSILON)
        buffers[work.targets[0]], buffers[work.targets[1]] = centred * deviation, deviation
    else:
        delta, row, deviation = sources
        mean = delta.mean(-1, keepdims=True)
        along = (delta * row).mean(-1, keepdims=True)
        buffers[work.targets[0]] = deviation * (delta - mean - row * along)
