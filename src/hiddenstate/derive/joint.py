"""The teaching view of a cell: the input joined to what is fed back, through one fully connected layer."""

from __future__ import annotations

from hiddenstate.cells.cell import Cell, Matrix
from hiddenstate.cells.equation import walk
from hiddenstate.errors import Unsupported


def joined_blocks(cell: Cell) -> tuple[Matrix, Matrix]:
    """The matrix of the input and the matrix of what is fed back, where the cell adds them block by block.

    Raises Unsupported where it does not, with the reason.

    >>> from hiddenstate.cells import CELLS
    >>> [matrix.letter for matrix in joined_blocks(CELLS["lstm"])]
    ['W', 'R']
    """
    operands: dict[str, str] = {}
    nodes = list(walk(*(root for _, root in cell.assignments)))
    for n in nodes:
        if n.op == "matmul":
            operand = n.args[0]
            kind = "x" if operand.op == "symbol" and operand.name == "x" else operand.op
            operands.setdefault(n.name.partition("_")[0], kind)
    given = [letter for letter, kind in operands.items() if kind == "x"]
    back = [letter for letter, kind in operands.items() if kind == "previous"]
    if len(given) != 1 or len(back) != 1:
        what = "no matrix reads a previous state as it is" if not back else "several matrices do"
        raise _unsupported(cell, f"one matrix must read x and one a previous state, and {what}")
    first, second = given[0], back[0]
    if cell.labels[first] != cell.labels[second]:
        raise _unsupported(cell, f"{first} and {second} have different blocks")
    for label in cell.labels[first]:
        pair = {f"{first}_{label}" if label else first, f"{second}_{label}" if label else second}
        if not any(n.op == "add" and {arg.name for arg in n.args} == pair for n in nodes):
            raise _unsupported(cell, f"{' and '.join(sorted(pair))} are not simply added")
    # an operand of a block that is not the previous state (a reset one, say) is caught here
    for n in nodes:
        if n.op == "matmul" and n.name.partition("_")[0] == second and n.args[0].op != "previous":
            raise _unsupported(cell, f"{n.name} reads {n.args[0]}, not a previous state as it is")
    return cell.matrix(first), cell.matrix(second)


def _unsupported(cell: Cell, reason: str) -> Unsupported:
    return Unsupported(
        f"{cell.name} has no joint matrix of x and what is fed back: {reason}; read the cell's own matrices "
        f"instead: {', '.join(matrix.weight for matrix in cell.matrices)}"
    )
