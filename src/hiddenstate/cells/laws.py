"""The laws that every cell holds, checked once when it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hiddenstate.cells.equation import Expr, node, walk
from hiddenstate.errors import InvalidArgument, nearest

if TYPE_CHECKING:
    from hiddenstate.cells.cell import Cell

_X = node("symbol", name="x")
WIDTHS = {"H": "hidden units", "P": "projected (or output) units"}


def check(cell: Cell) -> None:
    """Raise InvalidArgument for the first law that the cell breaks."""
    _Laws(cell).check()


def check_declared(cell: Cell, letters: Sequence[str]) -> None:
    """Raise InvalidArgument where a declared matrix is not one of the equations' `letters`."""
    for matrix in cell.matrices:
        if matrix.letter not in letters:
            _Laws(cell).fail(f"the matrix {matrix.letter!r} is declared and never used")


class _Laws:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def fail(self, message: str) -> None:
        raise InvalidArgument(f"cell {self.cell.name!r}: {message}")

    def check(self) -> None:
        cell = self.cell
        if not cell.states:
            self.fail("expected at least one state; without one nothing is carried from step to step")
        self.check_rows()
        defined = dict(cell.assignments)
        for state in cell.states:
            if state.name not in defined:
                self.fail(f"state {state.name!r} has no successor; write an equation `{state.name} = ...`")
            width = cell.width_of(defined[state.name]) or "of a constant"
            if width != state.width:
                self.fail(
                    f"state {state.name!r} is declared with width {state.width}, its equation gives the "
                    f"width {width}"
                )
        if cell.output not in defined:
            self.fail(f"the output {cell.output!r} is not computed; {nearest(cell.output, defined)}")
        self.check_matrices()
        self.check_input(defined)
        self.check_use(defined)

    def check_rows(self) -> None:
        """What is declared: widths, names, domains, rates."""
        cell = self.cell
        tables = (cell.states, cell.matrices, cell.vectors, cell.masks)
        for width in (row.width for table in tables for row in table):
            if width not in WIDTHS:
                self.fail(f"unknown width {width!r}; {nearest(str(width), WIDTHS)}")
        parameters = [name for m in cell.matrices for name in (m.weight, m.bias) if name]
        parameters += [vector.name for vector in cell.vectors]
        symbols = [row.name for table in (cell.states, cell.vectors, cell.masks) for row in table]
        for names in (parameters, symbols):
            for name in {name for name in names if names.count(name) > 1}:
                self.fail(f"the name {name!r} is declared twice; every name stands for one thing")
        for state in cell.states:
            if not state.low <= state.high:
                self.fail(f"the domain of state {state.name!r} is empty: [{state.low}, {state.high}]")
        for mask in cell.masks:
            if not 0 <= mask.rate < 1:
                self.fail(
                    f"the mask {mask.name!r} drops with probability {mask.rate}; expected 0 <= rate < 1"
                )
            if mask.per not in ("step", "sequence"):
                self.fail(f"mask {mask.name!r} is drawn per {mask.per!r}; expected 'step' or 'sequence'")

    def check_matrices(self) -> None:
        for matrix in self.cell.matrices:
            blocks = [n for n in self.cell.matmuls() if n.name.partition("_")[0] == matrix.letter]
            widths = {self.cell.width_of(n.args[0]) for n in blocks}
            if len(widths) > 1:
                self.fail(
                    f"{matrix.letter} multiplies vectors of widths {' and '.join(sorted(widths))}; use two"
                )
            for name in {n.name for n in blocks}:
                if len({n for n in blocks if n.name == name}) > 1:
                    self.fail(f"{name} multiplies two different vectors; give each its own matrix")

    def check_input(self, defined: Mapping[str, Expr]) -> None:
        """The input comes in through matrices alone; what it or a previous state does not reach is no row."""
        nodes = list(walk(*defined.values()))
        if not any(n.op == "matmul" and n.args[0] is _X for n in nodes):
            self.fail("no matrix reads the input; write W x where it comes in")
        for n in (*nodes, *defined.values()):
            if n is not _X and n.op != "matmul" and _X in n.args:
                self.fail(f"only a matrix may read the input x, as in W x; came {n}")
        for name, root in defined.items():
            if root is _X:
                self.fail(f"{name} is the input itself; write x where {name} stands")
        moving: dict[str, bool] = {"x": True}
        for name, root in defined.items():
            moving[name] = any(n.op == "previous" or moving.get(n.name, False) for n in walk(root))
        for name in (*(state.name for state in self.cell.states), self.cell.output):
            if not moving[name]:
                self.fail(f"{name!r} depends neither on the input nor on a previous state")

    def check_use(self, defined: Mapping[str, Expr]) -> None:
        used = {(n.op, n.name) for n in walk(*defined.values())}
        needed = {state.name for state in self.cell.states} | {self.cell.output}
        for name in defined:
            if name not in needed and ("symbol", name) not in used:
                self.fail(f"{name!r} is computed and never used; remove it or use it")
        for kind, rows in (("vector", self.cell.vectors), ("mask", self.cell.masks)):
            for row in rows:
                if (kind, row.name) not in used:
                    self.fail(f"the {kind} {row.name!r} is declared and never used")
        for other, order in self.cell.orders.items():
            blocks = max(self.cell.labels.values(), key=len, default=())
            if sorted(order.split()) != sorted(blocks):
                self.fail(f"the order for {other} is {order!r}; expected an order of {' '.join(blocks)}")
