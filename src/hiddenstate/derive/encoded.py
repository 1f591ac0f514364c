"""A cell's tile programs as numbers: what the compiled core reads. Sizes and arrays come later, at each call.

Three halves are told: `plain` runs forward and leaves nothing, `taped` leaves the tape, `back` reads it.
Buffers get numbers in the order in which they are met. Code is parted by width, and its registers are used
again once their value is no longer needed. native/layer.h says what each number means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.equation import node
from hiddenstate.cells.parts import Product
from hiddenstate.derive.hoisted import HOIST, hoisted
from hiddenstate.derive.tile import Instruction, RowWork, TileStage, tile_program

LETTERS = ("H", "P", "F")
KINDS = (
    *("input", "state", "next", "output", "kept", "vector", "mask", "tape", "deviation", "value", "slot"),
    *("adjoint", "back", "adjoint_output", "wish", "delta", "sum", "x", "hoist"),
)
_SLOT = "slot:"  # a buffer that lives only between a product and the code of one tile
Buffer = tuple[int, int, int]


@dataclass(frozen=True)
class Encoded:
    """The arguments from which the core makes a cell, in their order."""

    arguments: tuple[Any, ...]


def encoded(
    cell: Cell, keep: tuple[str, ...], ops: Sequence[str], printed: Sequence[str] = (), scan: bool = True
) -> Encoded:
    """Encode a cell's programs; `ops` are the interpreter's operations in their order, `printed` the texts of
    the code that the core has functions of its own for. Without `scan` no part is taken out of the loop.

    >>> from hiddenstate.cells import CELLS
    >>> ops = ["load", "store", "const", "add", "sub", "mul", "tanh"]
    >>> encoded(CELLS["rnn"], (), ops).arguments[1]  # one state, of width H
    [0]
    """
    return _Encoder(cell, keep, ops, printed, scan).encoded()


@dataclass
class _Half:
    """One half while it is told: numbers of buffers, widths, slots, stages."""

    kinds: Mapping[str, tuple[str, int]]
    widths: dict[str, str]
    buffers: dict[str, int] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    stages: list[tuple[Any, ...]] = field(default_factory=list)

    def number(self, buffer: str) -> int:
        return self.buffers.setdefault(buffer, len(self.buffers))

    def told(self) -> list[Buffer]:
        found, values = [], 0
        for buffer in self.buffers:
            width = LETTERS.index(self.widths.get(buffer, "H"))
            if buffer in self.slots:
                kind, index = "slot", self.slots[buffer]
            elif buffer.startswith(HOIST):
                kind, index = "hoist", 0
            elif buffer in self.kinds:
                kind, index = self.kinds[buffer]
            else:
                kind, index, values = "value", values, values + 1
            found.append((KINDS.index(kind), index, width))
        return found


class _Encoder:
    def __init__(
        self, cell: Cell, keep: tuple[str, ...], ops: Sequence[str], printed: Sequence[str], scan: bool
    ) -> None:
        self.scan = scan
        self.cell, self.keep, self.ops, self.printed = cell, keep, list(ops), list(printed)
        self.program = tile_program(cell, keep)
        self.parameters = list(cell.parameter_shapes(1, 1, 1))
        self.vectors = [v.name for v in (*cell.vectors, *cell.norm_vectors)]
        self.letters = [matrix.letter for matrix in cell.matrices]
        stores = [i.buffer for s in self.program.forward for i in s.code if i.op == "store"]
        self.tape = [b for b in dict.fromkeys(stores) if b.startswith(("tape:", "operand:"))]
        norms = [row for s in self.program.forward for row in s.rows if row.op == "norm"]
        self.deviations = [row.targets[1] for row in norms]
        self.deltas = list(dict.fromkeys(self.program.deltas.values()))
        self.widths = self._widths()

    def encoded(self) -> Encoded:
        cell, names = self.cell, [state.name for state in self.cell.states]
        forward = _without_tape(self.program.forward)
        plain = self._half(forward, [(f"state:{s}", f"next:{s}") for s in names], self.tape)
        taped = self._half(self.program.forward, [])
        back = self._half(self.program.backward, [(f"adjoint:{s}", f"back:{s}") for s in names])
        width = LETTERS.index
        return Encoded(
            (
                [self._matrix(letter) for letter in self.letters],
                [width(state.width) for state in cell.states],
                [(width(m.width), m.per == "step", 1.0 if m.scaled else 1.0 - m.rate) for m in cell.masks],
                [[self.parameters.index(v), width(self.widths[f"vector:{v}"])] for v in self.vectors],
                self._inputs(),
                self._gradients(),
                (
                    width(self.widths["output:"]),
                    [width(self.widths[f"kept:{name}"]) for name in self.keep],
                    [width(self.widths[b]) for b in self.tape],
                    len(self.deviations),
                    [width(self.widths[b]) for b in self.deltas],
                ),
                plain,
                taped,
                back,
            )
        )

    def _matrix(self, letter: str) -> list[int]:
        cell, matrix = self.cell, self.cell.matrix(letter)
        product = next(p for p in self.program.operands if p.letter == letter)
        return [
            self.parameters.index(matrix.weight),
            self.parameters.index(matrix.bias) if matrix.bias else -1,
            LETTERS.index(matrix.width),
            LETTERS.index(cell.width_of(product.operand)),
            len(cell.labels[letter]),
        ]

    def _inputs(self) -> list[list[int]]:
        found, number = [], 0
        for p in self.program.inputs:
            found.append([self.letters.index(p.letter), p.first, len(p.labels), number])
            number += len(p.labels)
        return found

    def _gradients(self) -> list[tuple[Any, ...]]:
        states = [f"state:{s.name}" for s in self.cell.states]
        found = []
        for p, operand in self.program.operands.items():
            if operand == "x":
                kind, index = "x", 0
            elif operand in states:
                kind, index = "state", states.index(operand)
            else:
                kind, index = "tape", self.tape.index(operand)
            deltas = [self.deltas.index(self.program.deltas[name]) for name in p.names()]
            found.append((self.letters.index(p.letter), p.first, deltas, KINDS.index(kind), index))
        return found

    def _kinds(self) -> dict[str, tuple[str, int]]:
        """The buffers that a call brings, by what they are and which; all others pass values in a step."""
        cell = self.cell
        inputs = [name for p in self.program.inputs for name in p.names()]
        rows: dict[str, Iterable[str]] = {
            "input": (f"product:{name}" for name in inputs),
            "state": (f"state:{s.name}" for s in cell.states),
            "next": (f"next:{s.name}" for s in cell.states),
            "adjoint": (f"adjoint:{s.name}" for s in cell.states),
            "back": (f"back:{s.name}" for s in cell.states),
            "output": ("output:",),
            "adjoint_output": ("adjoint:",),
            "kept": (f"kept:{name}" for name in self.keep),
            "wish": (f"wish:{name}" for name in self.keep),
            "vector": (f"vector:{name}" for name in self.vectors),
            "sum": (f"sum:{name}" for name in self.vectors),
            "mask": (f"mask:{m.name}" for m in cell.masks),
            "tape": self.tape,
            "deviation": self.deviations,
            "delta": self.deltas,
        }
        return {buffer: (kind, k) for kind, row in rows.items() for k, buffer in enumerate(row)}

    def _widths(self) -> dict[str, str]:
        """The width letter of every buffer whose name says it; the rest follow from the code."""
        cell, program = self.cell, self.program
        found = {"output:": cell.width_of(node("symbol", name=cell.output))}
        found["adjoint:"] = found["output:"]
        for state in cell.states:
            for kind in ("state", "next", "adjoint", "back"):
                found[f"{kind}:{state.name}"] = state.width
        for name in self.keep:
            found[f"kept:{name}"] = found[f"wish:{name}"] = cell.width_of(node("symbol", name=name))
        for product, buffer in program.operands.items():
            for name in product.names():
                found[f"product:{name}"] = found[program.deltas[name]] = cell.matrix(product.letter).width
            found[buffer] = cell.width_of(product.operand)
        found.update({buffer: cell.width_of(value) for buffer, value in program.tape.items()})
        found.update({f"mask:{mask.name}": mask.width for mask in cell.masks})
        for vector in (*cell.vectors, *cell.norm_vectors):
            found[f"vector:{vector.name}"] = found[f"sum:{vector.name}"] = cell.vector_width(vector)
        return found

    def _half(
        self, stages: Sequence[TileStage], swaps: Sequence[tuple[str, str]], own: Sequence[str] = ()
    ) -> tuple[Any, ...]:
        """Encode stages; what is in `own` passes values within a step, although a tape would hold it."""
        kinds = {buffer: kind for buffer, kind in self._kinds().items() if buffer not in own}
        half = _Half(kinds, dict(self.widths))
        pairs = [(half.number(one), half.number(other)) for one, other in swaps]
        head, linear = list[tuple[Any, ...]](), list[int]()
        if self.scan and stages is not self.program.backward and (split := hoisted(self.cell, stages)):
            head = self._codes(split.head, half, {})
            stages = [TileStage((), split.tail)]
            linear = [half.number(buffer) for buffer in split.linear]
        late = _read_later(stages)
        for stage in stages:
            half.stages.append(self._stage(stage, half, late))
        return half.told(), half.stages, head, linear, pairs

    def _stage(self, stage: TileStage, half: _Half, late: set[str]) -> tuple[Any, ...]:
        whole = any(row.product is None for row in stage.rows)
        code, renamed = list(stage.code), dict[str, str]()
        for row in stage.rows:
            if row.op == "product_back" and row.product is not None:
                half.widths[row.targets[0]] = self.cell.width_of(row.product.operand)
            elif row.product is None:
                half.widths[row.targets[0]] = half.widths[row.sources[0]]
            for target in row.targets if row.product is not None and not whole else ():
                renamed[target] = _SLOT + target
                half.widths[_SLOT + target] = half.widths[target]
                half.slots.setdefault(_SLOT + target, len(half.slots))
                if target in late:  # keep it beyond the tile
                    code += [Instruction("load", buffer=target), Instruction("store", (len(code),), target)]
        products = [self._product(row, row.product, half, renamed) for row in stage.rows if row.product]
        norms = [_norm(row, half) for row in stage.rows if row.product is None]
        return whole, products, norms, self._codes(code, half, renamed)

    def _product(
        self, row: RowWork, product: Product, half: _Half, renamed: Mapping[str, str]
    ) -> tuple[Any, ...]:
        back = row.op == "product_back"
        outer = LETTERS.index(self.cell.matrix(product.letter).width)
        inner = LETTERS.index(self.cell.width_of(product.operand))
        return (
            [half.number(source) for source in row.sources],
            [half.number(renamed.get(target, target)) for target in row.targets],
            self.letters.index(product.letter),
            product.first,
            back,
            *((outer, inner) if back else (inner, outer)),
        )

    def _codes(
        self, code: Sequence[Instruction], half: _Half, renamed: Mapping[str, str]
    ) -> list[tuple[Any, ...]]:
        """Part the code by width: constants belong to every part."""
        width: list[str | None] = []
        for i in code:
            if i.op == "load":
                width.append(half.widths[i.buffer])
            elif i.op == "store":
                width.append(half.widths.setdefault(i.buffer, width[i.args[0]] or "H"))
            else:
                width.append(next((width[arg] for arg in i.args if width[arg] is not None), None))
        parts = []
        for letter in LETTERS:
            stores = [k for k, i in enumerate(code) if i.op == "store" and width[k] == letter]
            if stores:
                parts.append((LETTERS.index(letter), *self._part(code, _needed(code, stores), half, renamed)))
        return parts

    def _part(
        self, code: Sequence[Instruction], chosen: Sequence[int], half: _Half, renamed: Mapping[str, str]
    ) -> tuple[Any, ...]:
        last = {arg: k for k in chosen for arg in code[k].args}
        free: list[int] = []
        place: dict[int, int] = {}
        used, numbers = 0, []
        for k in chosen:
            i = code[k]
            args = [place[arg] for arg in i.args]
            free += [place[arg] for arg in dict.fromkeys(i.args) if last[arg] == k]
            out = 0
            if i.op != "store":
                if not free:
                    free.append(used)
                    used += 1
                out = place[k] = free.pop()
            a, b, c = (*args, 0, 0, 0)[:3]
            buffer = renamed.get(i.buffer, i.buffer) if i.op == "load" else i.buffer
            number = half.number(buffer) if buffer else 0
            k0, k1 = (*i.constants, 0.0, 0.0)[:2]
            numbers.append(([self.ops.index(i.op), out, a, b, c, number], k0, k1))
        text = code_text(self.ops, numbers)
        return max(used, 1), self.printed.index(text) if text in self.printed else -1, numbers


def code_text(ops: Sequence[str], numbers: Sequence[tuple[list[int], float, float]]) -> str:
    """The text by which a piece of code is known: operation, registers, buffer, constants of each line.

    >>> code_text(["load", "store"], [([0, 0, 0, 0, 0, 3], 0.0, 0.0), ([1, 0, 0, 0, 0, 4], 0.0, 0.0)])
    'load 0 0 0 0 3 0.0 0.0;store 0 0 0 0 4 0.0 0.0'
    """
    return ";".join(" ".join([ops[n[0]], *map(str, n[1:]), repr(k0), repr(k1)]) for n, k0, k1 in numbers)


def _norm(row: RowWork, half: _Half) -> list[int]:
    width = LETTERS.index(half.widths[row.sources[0]])
    source, target = half.number(row.sources[0]), half.number(row.targets[0])
    if row.op == "norm":
        return [source, target, half.number(row.targets[1]), width, -1]
    return [source, target, half.number(row.sources[2]), width, half.number(row.sources[1])]


def _needed(code: Sequence[Instruction], stores: Sequence[int]) -> list[int]:
    """The instructions that some stores depend on, and those, in order."""
    needed = set(stores)
    for k in reversed(range(len(code))):
        if k in needed:
            needed.update(code[k].args)
    return sorted(needed)


def _read_later(stages: Sequence[TileStage]) -> set[str]:
    """Targets of row work that a stage after their own loads or reads."""
    made: set[str] = set()
    late: set[str] = set()
    for stage in stages:
        reads = {i.buffer for i in stage.code if i.op == "load"} | {s for r in stage.rows for s in r.sources}
        late |= reads & made
        made |= {target for row in stage.rows for target in row.targets}
    return late


def _without_tape(stages: Sequence[TileStage]) -> list[TileStage]:
    """The same without stores to what only the way back would read."""
    read = {i.buffer for stage in stages for i in stage.code if i.op == "load"}
    read |= {source for stage in stages for row in stage.rows for source in row.sources}
    found = []
    for stage in stages:
        code: list[Instruction] = []
        place: dict[int, int] = {}
        for k, i in enumerate(stage.code):
            if i.op == "store" and i.buffer.startswith(("tape:", "operand:")) and i.buffer not in read:
                continue
            place[k] = len(code)
            code.append(Instruction(i.op, tuple(place[arg] for arg in i.args), i.buffer, i.constants))
        found.append(TileStage(stage.rows, tuple(code)))
    return found
