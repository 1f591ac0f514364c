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


@dataclass
class Tape:
    """What the forward pass leaves for the backward pass: the buffers of every step."""

    program: TileProgram
    recurrence: Recurrence
    x: np.ndarray
    output: np.ndarray
    states: tuple[np.ndarray, ...]
    steps: list[Buffers] = field(default_factory=list)


def forward(
    cell: Cell,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    states: Sequence[np.ndarray],
    masks: Mapping[str, np.ndarray] | None = None,
) -> Tape:
    """Run a cell's tile program over x [T, B, F] from the given states; per-step masks are [T, B, H]."""
    program, recurrence = tile_program(cell), Recurrence(cell, parameters)
    products = recurrence.input_products(x)
    names = {block: name for p in program.inputs for block, name in zip(p.nodes(), p.names(), strict=True)}
    outputs, tape = [], Tape(program, recurrence, x, x, ())
    current = tuple(states)
    for t in range(x.shape[0]):
        buffers: Buffers = {f"product:{names[block]}": z[t] for block, z in products.items()}
        buffers.update({f"state:{s.name}": v for s, v in zip(cell.states, current, strict=True)})
        for vector in (*cell.vectors, *cell.norm_vectors):
            buffers[f"vector:{vector.name}"] = parameters[vector.name]
        for mask in cell.masks:
            mean = np.asarray(1.0 if mask.scaled else 1 - mask.rate)
            drawn = mean if masks is None else masks[mask.name]
            buffers[f"mask:{mask.name}"] = drawn[t] if mask.per == "step" and masks is not None else drawn
        for stage in program.forward:
            _run(stage, buffers, recurrence)
        current = tuple(buffers[f"next:{s.name}"] for s in cell.states)
        outputs.append(buffers["output:"])
        tape.steps.append(buffers)
    nothing = np.zeros((0, x.shape[1], recurrence.width(cell.output)))
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
    program, cell = tape.program, tape.program.cell
    values = tape.recurrence.parameters.values
    sums = {name: np.zeros_like(value) for name, value in values.items()}
    dx = np.zeros_like(tape.x)
    carried = tuple(states)
    for t in reversed(range(len(tape.steps))):
        buffers = tape.steps[t]
        buffers["adjoint:"] = output[t]
        buffers.update({f"adjoint:{s.name}": v for s, v in zip(cell.states, carried, strict=True)})
        for stage in program.backward:
            _run(stage, buffers, tape.recurrence, sums)
        for product, source in program.operands.items():
            operand = tape.x[t] if source == "x" else buffers[source]
            deltas = [
                np.broadcast_to(buffers[program.deltas[name]], _block(buffers, name))
                for name in product.names()
            ]
            _add_weight_gradient(cell, product, np.concatenate(deltas, -1), operand, sums)
            if source == "x":
                dx[t] += np.concatenate(deltas, -1) @ _rows(tape.recurrence, product)
        carried = tuple(
            np.broadcast_to(buffers[f"back:{s.name}"], buffers[f"state:{s.name}"].shape) for s in cell.states
        )
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
