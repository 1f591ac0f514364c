"""A layer run with a tape: the forward half of a cell's tile program, in torch, outside autograd.

The tape holds what the backward half reads (see back_propagation.py): the states before and after every
step, and what is not cheap to have again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hiddenstate.cells.cell import Cell
from hiddenstate.derive.reference import NORM_EPSILON, Parameters, torch_arrays
from hiddenstate.derive.tile import Instruction, RowWork, TileProgram, TileStage, tile_program

Value = Any  # a tensor, or a float where the program holds a constant
_GIVEN = ("adjoint:", "wish:", "vector:", "mask:", "state:", "next:")


@dataclass(frozen=True)
class Run:
    """One layer in one direction: its cell, named parameters and masks, x [T, B, F] and lengths [B]."""

    cell: Cell
    parameters: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    x: Tensor
    lengths: Tensor | None
    keep: tuple[str, ...]
    reverse: bool


@dataclass(frozen=True)
class Order:
    """Which steps count, and where each comes from when a sequence is read from its end."""

    valid: Tensor | None
    index: Tensor | None
    backwards: bool

    def applied(self, value: Tensor) -> Tensor:
        """Steps [T, B, ...] in the order in which they are run; applied twice, as they were."""
        if self.index is not None:
            return value[self.index, torch.arange(value.shape[1], device=value.device)]
        return value.flip(0) if self.backwards else value


def order_of(run: Run) -> Order:
    if run.lengths is None:
        return Order(None, None, run.reverse)
    counter = torch.arange(len(run.x), device=run.x.device)[:, None]
    valid = counter < run.lengths
    index = torch.where(valid, run.lengths - 1 - counter, counter) if run.reverse else None
    return Order(valid, index, False)


def input_of(run: Run, order: Order) -> Tensor:
    x = run.x if order.valid is None else torch.where(order.valid[..., None], run.x, 0.0)
    return order.applied(x)


@dataclass(frozen=True)
class Half:
    """One stage of the backward half, split: what no adjoint enters is done once for all steps."""

    stage: TileStage
    still: tuple[tuple[int, Instruction], ...]
    moving: tuple[tuple[int, Instruction], ...]
    read: tuple[int, ...]  # the still registers that moving code reads


@dataclass(frozen=True)
class Script:
    program: TileProgram
    saved: tuple[str, ...]
    backward: tuple[Half, ...]


@cache
def script_of(cell: Cell, keep: tuple[str, ...]) -> Script:
    program = tile_program(cell, keep)
    made = {i.buffer for stage in program.backward for i in stage.code if i.op == "store"}
    made |= {target for stage in program.backward for row in stage.rows for target in row.targets}
    reads = [i.buffer for stage in program.backward for i in stage.code if i.op == "load"]
    reads += [source for stage in program.backward for row in stage.rows for source in row.sources]
    reads += [source for source in program.operands.values() if source != "x"]
    saved = [b for b in dict.fromkeys(reads) if b not in made and not b.startswith(_GIVEN)]
    still = {b for b in reads if b in saved or b.startswith(("vector:", "mask:", "state:", "next:"))}
    return Script(program, tuple(saved), tuple(_half(stage, still) for stage in program.backward))


def _half(stage: TileStage, still: set[str]) -> Half:
    fixed: set[int] = set()
    parts: tuple[list[tuple[int, Instruction]], ...] = ([], [])
    for k, i in enumerate(stage.code):
        known = i.buffer in still if i.op == "load" else all(arg in fixed for arg in i.args)
        passed = i.op == "store" and known and i.buffer.startswith("value:")
        if known and (i.op != "store" or passed):
            fixed.add(k)
            still.update({i.buffer} if passed else ())
        parts[0 if k in fixed else 1].append((k, i))
    read = {arg for _, i in parts[1] for arg in i.args if arg in fixed}
    return Half(stage, tuple(parts[0]), tuple(parts[1]), tuple(sorted(read)))


def _function(op: str) -> Callable[..., Value]:
    arrays = torch_arrays()
    return arrays.functions[op] if op in arrays.functions else arrays.primitives[op]


def execute(
    code: Sequence[tuple[int, Instruction]], registers: dict[int, Value], buffers: dict[str, Value]
) -> None:
    for k, i in code:
        if i.op == "load":
            registers[k] = buffers[i.buffer]
        elif i.op == "store":
            buffers[i.buffer] = registers[k] = registers[i.args[0]]
        elif i.op == "const":
            registers[k] = i.constants[0]
        else:
            registers[k] = _function(i.op)(*(registers[arg] for arg in i.args), *i.constants)


def fixed_values(run: Run) -> dict[str, Value]:
    """Vectors, and masks of a whole sequence; a mask that is not drawn reads as its mean."""
    vectors = (*run.cell.vectors, *run.cell.norm_vectors)
    found: dict[str, Value] = {f"vector:{v.name}": run.parameters[v.name] for v in vectors}
    for mask in run.cell.masks:
        mean = 1.0 if mask.scaled else 1 - mask.rate
        found[f"mask:{mask.name}"] = run.masks.get(mask.name, mean)
    return found


def step_masks(run: Run, order: Order) -> dict[str, Tensor]:
    """Masks drawn for every step, in the order in which the steps are run."""
    rows = [mask for mask in run.cell.masks if mask.per == "step" and mask.name in run.masks]
    return {f"mask:{mask.name}": order.applied(run.masks[mask.name]) for mask in rows}


def forward(run: Run, states: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Run over x: the output, last states and kept values as `operators.unroll` gives them, and the tape."""
    script, order = script_of(run.cell, run.keep), order_of(run)
    parameters = Parameters(run.cell, run.parameters)
    rows: dict[str, Sequence[Tensor]] = {k: v.unbind(0) for k, v in step_masks(run, order).items()}
    x = input_of(run, order)
    for p in script.program.inputs:
        blocks = parameters.product(torch_arrays(), p.letter, p.first, len(p.labels), x)
        rows.update({f"product:{n}": z.unbind(0) for n, z in zip(p.names(), blocks, strict=True)})
    names = ["output:", *(f"kept:{name}" for name in run.keep)]
    history: dict[str, list[Tensor]] = {name: [] for name in (*names, *script.saved)}
    fixed, path = fixed_values(run), [tuple(states)]
    code = [(stage, tuple(enumerate(stage.code))) for stage in script.program.forward]
    for t in range(len(x)):
        buffers = {**fixed, **{name: row[t] for name, row in rows.items()}}
        buffers.update({f"state:{s.name}": v for s, v in zip(run.cell.states, path[-1], strict=True)})
        for stage, instructions in code:
            for work in stage.rows:
                _forward_row(work, buffers, parameters)
            execute(instructions, {}, buffers)
        fresh = tuple(buffers[f"next:{s.name}"] for s in run.cell.states)
        if order.valid is not None:
            active = order.valid[t][:, None]
            fresh = tuple(torch.where(active, new, old) for new, old in zip(fresh, path[-1], strict=True))
        path.append(fresh)
        for name, kept in history.items():
            kept.append(buffers[name])
    found = [_stacked(history[name], order) for name in names]
    tape = [torch.stack(values) for values in zip(*path, strict=True)]
    tape += [torch.stack(history[name]) for name in script.saved]
    return [found[0], *(value.clone() for value in path[-1]), *found[1:]], tape


def _stacked(values: list[Tensor], order: Order) -> Tensor:
    stacked = torch.stack(values)
    if order.valid is not None:
        stacked = torch.where(order.valid[..., None], stacked, 0.0)
    return order.applied(stacked)


def _forward_row(work: RowWork, buffers: dict[str, Value], parameters: Parameters) -> None:
    source = buffers[work.sources[0]]
    if work.product is not None:
        p = work.product
        blocks = parameters.product(torch_arrays(), p.letter, p.first, len(work.targets), source)
        buffers.update(zip(work.targets, blocks, strict=True))
    else:
        width = [source.shape[-1]]
        row, _, deviation = torch.native_layer_norm(source, width, None, None, NORM_EPSILON)
        buffers.update(zip(work.targets, (row, deviation), strict=True))
