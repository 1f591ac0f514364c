"""Back-propagation through time: the backward half of a cell's tile program, in torch, outside autograd.

What no adjoint enters is done for all steps at once; then the steps are walked back; then each weight's
gradient is one product over all steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hiddenstate.cells.cell import Product
from hiddenstate.derive.tile import RowWork
from hiddenstate.layers.operators.tape import (
    Run,
    Value,
    execute,
    fixed_values,
    input_of,
    order_of,
    script_of,
    step_masks,
)


@dataclass(frozen=True)
class Gradients:
    """The gradients of x (where wanted), of the first states, and of the parameters by name."""

    x: Tensor | None
    states: list[Tensor]
    parameters: dict[str, Tensor]


def backward(
    run: Run, tape: Sequence[Tensor], grads: Sequence[Tensor | None], wants_x: bool = True
) -> Gradients:
    """The gradients from those of what `forward` found, in its order; None stands for zero."""
    walk, count = _Walk(run, tape), len(run.cell.states)
    names = ["adjoint:", *(f"wish:{name}" for name in run.keep)]
    seeds = {
        name: 0.0 if grad is None else walk.order.applied(grad)
        for name, grad in zip(names, (grads[0], *grads[1 + count :]), strict=True)
    }
    states = walk.back(seeds, grads[1 : 1 + count])
    return Gradients(walk.of_x() if wants_x else None, states, walk.of_parameters())


class _Walk:
    """One walk back through the steps, and what it gathers on its way."""

    def __init__(self, run: Run, tape: Sequence[Tensor]) -> None:
        self.run, self.script, self.order = run, script_of(run.cell, run.keep), order_of(run)
        self.program, self.steps = self.script.program, len(run.x)
        self.still: dict[str, Value] = {**fixed_values(run), **step_masks(run, self.order)}
        for state, path in zip(run.cell.states, tape, strict=False):
            self.still[f"state:{state.name}"], self.still[f"next:{state.name}"] = path[:-1], path[1:]
        self.still.update(zip(self.script.saved, tape[len(run.cell.states) :], strict=True))
        self.weights = {p: _rows(run, p) for p in self.program.operands}
        self.back_through: dict[Product, list[Tensor]] = {}
        self.kept: dict[str, list[Value]] = {}
        self.padding = None if self.order.valid is None else ~self.order.valid[..., None]

    def _by_step(self, value: Value) -> Sequence[Value]:
        stacked = isinstance(value, Tensor) and value.dim() == 3
        return value.unbind(0) if stacked else [value] * self.steps

    def back(self, seeds: Mapping[str, Value], grads: Sequence[Tensor | None]) -> list[Tensor]:
        """Walk from the last step to the first; give the gradients of the first states."""
        states = self.run.cell.states
        halves = []
        for half in self.script.backward:
            registers: dict[int, Value] = {}
            execute(half.still, registers, self.still)
            halves.append((half, {k: self._by_step(registers[k]) for k in half.read}))
        sources = {s for half, _ in halves for work in half.stage.rows for s in work.sources}
        rows = {name: self._by_step(self.still[name]) for name in sources if name in self.still}
        rows.update({name: self._by_step(value) for name, value in seeds.items()})
        firsts = [self.still[f"state:{state.name}"] for state in states]
        carried = [
            path.new_zeros(path.shape[1:]) if grad is None else grad
            for path, grad in zip(firsts, grads, strict=True)
        ]
        for t in reversed(range(self.steps)):
            buffers: dict[str, Value] = {name: row[t] for name, row in rows.items()}
            buffers.update({f"adjoint:{s.name}": v for s, v in zip(states, carried, strict=True)})
            for half, registers in halves:
                for work in half.stage.rows:
                    self._row(work, buffers)
                execute(half.moving, {k: row[t] for k, row in registers.items()}, buffers)
            for name in (*dict.fromkeys(self.program.deltas.values()), *self._sums()):
                self.kept.setdefault(name, []).append(buffers[name])
            active = None if self.order.valid is None else self.order.valid[t][:, None]
            found = [_as(buffers[f"back:{s.name}"], v) for s, v in zip(states, carried, strict=True)]
            if active is not None:
                found = [torch.where(active, new, old) for new, old in zip(found, carried, strict=True)]
            carried = found
        return carried

    def _sums(self) -> list[str]:
        return [f"sum:{v.name}" for v in (*self.run.cell.vectors, *self.run.cell.norm_vectors)]

    def _row(self, work: RowWork, buffers: dict[str, Value]) -> None:
        sources = [buffers[name] for name in work.sources]
        if work.product is not None:
            weight = self.weights[work.product]
            like = self.run.x.new_empty(()).expand(self.run.x.shape[1], len(weight) // len(sources))
            delta = torch.cat([_as(source, like) for source in sources], -1)
            self.back_through.setdefault(work.product, []).append(delta)
            buffers[work.targets[0]] = delta @ weight
        else:
            delta, row, deviation = sources
            along = (delta * row).mean(-1, keepdim=True)
            buffers[work.targets[0]] = deviation * (delta - delta.mean(-1, keepdim=True) - row * along)

    def _all_steps(self, values: Sequence[Value], width: int) -> Tensor:
        """What was gathered on the way back, [T, B, width] in the order of the run, zero in the padding."""
        x = self.run.x
        like = x.new_zeros(x.shape[1], width)
        stacked = torch.stack([_as(value, like) for value in reversed(values)])
        return stacked if self.padding is None else stacked.masked_fill_(self.padding, 0.0)

    @cached_property
    def deltas(self) -> dict[Product, Tensor]:
        """The adjoint of every product, [T, B, rows]; products whose blocks are summed share one."""
        names = {p: tuple(self.program.deltas[name] for name in p.names()) for p in self.program.operands}
        found: dict[tuple[str, ...], Tensor] = {}
        for p, values in self.back_through.items():
            found[names[p]] = self._all_steps(values, len(self.weights[p]))
        for p, blocks in names.items():
            if blocks not in found:
                width = len(self.weights[p]) // len(blocks)
                found[blocks] = torch.cat([self._all_steps(self.kept[name], width) for name in blocks], -1)
        return {p: found[blocks] for p, blocks in names.items()}

    def of_x(self) -> Tensor:
        """The gradient of x [T, B, F], zero in the padding."""
        parts = [self.deltas[p] @ self.weights[p] for p in self.program.inputs]
        return self.order.applied(sum(parts[1:], parts[0])) if parts else torch.zeros_like(self.run.x)

    def of_parameters(self) -> dict[str, Tensor]:
        """The gradients of the parameters, by name."""
        run, found = self.run, {}
        x = input_of(run, self.order)
        found = {name: torch.zeros_like(value) for name, value in run.parameters.items()}
        for p, source in self.program.operands.items():
            operand, delta = x if source == "x" else self.still[source], self.deltas[p].flatten(0, 1)
            matrix = run.cell.matrix(p.letter)
            rows = len(found[matrix.weight]) // len(run.cell.labels[p.letter])
            part = slice(p.first * rows, (p.first + len(p.labels)) * rows)
            found[matrix.weight][part] = delta.T @ operand.flatten(0, 1)
            if matrix.bias in found:
                found[matrix.bias][part] = delta.sum(0)
        for name in self._sums():
            vector = name.removeprefix("sum:")
            found[vector] = self._all_steps(self.kept[name], len(found[vector])).sum((0, 1))
        return found


def _as(value: Value, like: Tensor) -> Tensor:
    """A value as a tensor of a shape; constants come as floats."""
    if not isinstance(value, Tensor):
        return torch.full_like(like, value)
    return value if value.shape == like.shape else value.expand_as(like)


def _rows(run: Run, product: Product) -> Tensor:
    """The rows of a stacked matrix that a product reads."""
    weight = run.parameters[run.cell.matrix(product.letter).weight]
    rows = len(weight) // len(run.cell.labels[product.letter])
    return weight[product.first * rows : (product.first + len(product.labels)) * rows]
