"""The laws that every cell holds, checked once when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hiddenstate.cells.equation import Expr, walk
from hiddenstate.errors import InvalidArgument, nearest

if TYPE_CHECKING:
    from hiddenstate.cells.cell import Cell

WIDTHS = {"F": "input features", "H": "hidden units", "P": "projected (or output) units"}


def check(cell: Cell) -> None:
    """Raise InvalidArgument for the first law that the cell breaks."""
    _Laws(cell).check()


class _Laws:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def fail(self, message: str) -> None:
        raise InvalidArgument(f"cell {self.cell.name!r}: {message}")

    def check(self) -> None:
        cell = self.cell
        if not cell.states:
            self.fail("expected at least one state; without one nothing is carried from step to step")
        defined = dict(cell.assignments)
        for state in cell.states:
            if state.name not in defined:
                self.fail(f"state {state.name!r} has no successor; write an equation `{state.name} = ...`")
            if cell.width_of(defined[state.name]) != state.width:
                self.fail(
                    f"state {state.name!r} is declared with width {state.width}, its equation gives "
                    f"{cell.width_of(defined[state.name])}"
                )
            if not state.low <= state.high:
                self.fail(f"the domain of state {state.name!r} is empty: [{state.low}, {state.high}]")
        if cell.output not in defined:
            self.fail(f"the output {cell.output!r} is not computed; {nearest(cell.output, defined)}")
        rows = (cell.states, cell.matrices, cell.vectors, cell.masks)
        for width in (row.width for table in rows for row in table):
            if width not in WIDTHS:
                self.fail(f"unknown width {width!r}; {nearest(width, WIDTHS)}")
        for mask in cell.masks:
            if not 0 <= mask.rate < 1:
                self.fail(
                    f"the mask {mask.name!r} drops with probability {mask.rate}; expected 0 <= rate < 1"
                )
            if mask.per not in ("step", "sequence"):
                self.fail(f"mask {mask.name!r} is drawn per {mask.per!r}; expected 'step' or 'sequence'")
        self.check_matrices()
        self.check_use(defined)

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
            blocks = max(self.cell.labels.values(), key=len)
            if sorted(order.split()) != sorted(blocks):
                self.fail(f"the order for {other} is {order!r}; expected an order of {' '.join(blocks)}")
