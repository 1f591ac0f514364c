"""Cells made from cells: layer normalisation, recurrent dropout and zoneout as changes of the equations."""

from __future__ import annotations

import re

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.equation import is_product_sum, walk
from hiddenstate.cells.parts import Mask
from hiddenstate.errors import InvalidArgument

_PRODUCT = re.compile(r"(?<!norm\()\b([A-Z]\w*)\s+(\w+'?|\([^()]*\))")


def layer_norm(cell: Cell) -> Cell:
    """Normalise every product that gives H units, across those units (Ba, Kiros and Hinton 2016).

    >>> from hiddenstate.cells import CELLS
    >>> print(layer_norm(CELLS["rnn"]).equations.strip())
    h = tanh(norm(W x) + norm(R h'))
    """

    def normalised(match: re.Match[str]) -> str:
        wide = cell.matrix(match[1].partition("_")[0]).width == "H"
        return f"norm({match[0]})" if wide else match[0]

    changed = cell.replace(equations=_PRODUCT.sub(normalised, cell.equations))
    roots = [root for _, root in changed.assignments]
    inside = {n for norm in walk(*roots) if norm.op == "norm" for n in walk(norm) if is_product_sum(n)}
    for n in walk(*roots):
        if n.op == "matmul" and n not in inside and cell.matrix(n.name.partition("_")[0]).width == "H":
            raise InvalidArgument(f"cannot normalise {n}; give what {n.name} multiplies a name of its own")
    return changed


def recurrent_dropout(cell: Cell, rate: float) -> Cell:
    """Drop the same units of each previous state at every step, where a matrix reads it.

    Variational dropout (Gal and Ghahramani 2016). Raises InvalidArgument where no matrix reads a state.
    """
    fed_back = sorted({match[1] for match in re.finditer(r"\b[A-Z]\w*\s+(\w+)'", cell.equations)})
    if not fed_back:
        raise InvalidArgument(
            f"recurrent dropout drops units where a matrix reads a previous state, and in {cell.name} none "
            "does; use dropout between layers"
        )
    widths = {state.name: state.width for state in cell.states}
    masks = tuple(Mask(f"keep_{name}", rate, "sequence", True, widths[name]) for name in fed_back)
    dropped = "\n".join(f"dropped_{name} = keep_{name} * {name}'" for name in fed_back)
    equations = re.sub(r"\b([A-Z]\w*)\s+(\w+)'", r"\1 dropped_\2", cell.equations)
    return cell.replace(equations=f"{dropped}\n{equations}", masks=(*cell.masks, *masks))


def zoneout(cell: Cell, rate: float) -> Cell:
    """Hold each unit of a state at its previous value with probability `rate`, at every step.

    When not training, a state moves by its mean. Source: Krueger et al. 2017.

    >>> from hiddenstate.cells import CELLS
    >>> print(zoneout(CELLS["rnn"], 0.1).equations)
    fresh_h = tanh(W x + R h')
    h = move_h * fresh_h + (1 - move_h) * h'
    """
    equations, masks = cell.equations.strip(), list(cell.masks)
    for state in (state for state in cell.states if state.zoned):
        name = state.name
        # later lines keep reading the fresh value, as in the paper: the output sees it, the next step may not
        equations = re.sub(rf"\b{name}\b(?!')", f"fresh_{name}", equations)
        equations = f"{equations}\n{name} = move_{name} * fresh_{name} + (1 - move_{name}) * {name}'"
        masks.append(Mask(f"move_{name}", rate, width=state.width))
    return cell.replace(equations=equations, masks=tuple(masks))
