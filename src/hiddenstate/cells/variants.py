"""Cells made from cells, as changes of the equations: layer normalisation, recurrent dropout, zoneout, and
what ONNX asks for, clipping and coupled gates."""

from __future__ import annotations

import math
import re
from typing import Any

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.cells.equation import Expr, is_product_sum, walk
from hiddenstate.cells.parts import Mask
from hiddenstate.errors import InvalidArgument

# a matrix and what it multiplies: a name that is no function's and no further matrix, or one parenthesis
_PRODUCT = re.compile(r"\b([A-Z]\w*)\s+((?![A-Z])\w+'?(?![\w']|\s*\()|\([^()]*\))")
_CALL = re.compile(r"\b([^\W\d]\w*)\s*\(")


def layer_norm(cell: Cell) -> Cell:
    """Normalise every product that gives H units, across those units (Ba, Kiros and Hinton 2016).

    >>> from hiddenstate.cells import CELLS
    >>> print(layer_norm(CELLS["rnn"]).equations.strip())
    h = tanh(norm(W x) + norm(R h'))
    """
    before = {n.name for n in _normalised_products(cell)}

    def normalised(match: re.Match[str]) -> str:
        wide = cell.matrix(match[1].partition("_")[0]).width == "H"
        return f"norm({match[0]})" if wide and match[1] not in before else match[0]

    changed = cell.replace(equations=_PRODUCT.sub(normalised, cell.equations))
    after = _normalised_products(changed)
    for n in changed.matmuls():
        if n not in after and cell.matrix(n.name.partition("_")[0]).width == "H":
            raise InvalidArgument(f"cannot normalise {n}; give what {n.name} multiplies a name of its own")
    return changed


def _normalised_products(cell: Cell) -> set[Expr]:
    """The matrix products that are normalised, alone or in a sum of products."""
    norms = [n for n in walk(*(root for _, root in cell.assignments)) if n.op == "norm"]
    return {n for norm in norms if is_product_sum(norm.args[0]) for n in walk(norm) if n.op == "matmul"}


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
    equations, masks, activations = cell.equations.strip(), list(cell.masks), dict(cell.activations)
    for state in (state for state in cell.states if state.zoned):
        name = state.name
        # later lines keep reading the fresh value, as in the paper: the output sees it, the next step may not
        equations = re.sub(rf"\b{name}\b(?!')", f"fresh_{name}", equations)
        equations = f"{equations}\n{name} = move_{name} * fresh_{name} + (1 - move_{name}) * {name}'"
        masks.append(Mask(f"move_{name}", rate, width=state.width))
        if name in activations:
            activations[f"fresh_{name}"] = activations.pop(name)
    return cell.replace(equations=equations, masks=tuple(masks), activations=activations)


def clipped(cell: Cell, bound: float) -> Cell:
    """Keep what every activation reads within [-bound, bound], except a state by itself; NaN stays NaN.

    So ONNX Runtime clips: in an LSTM all gates, and not what the last tanh reads. Raises InvalidArgument for
    a bound that is not a positive number.

    >>> from hiddenstate.cells import CELLS
    >>> print(clipped(CELLS["rnn"], 3).equations)
    h = tanh(max(-3.0, -max(-3.0, -(W x + R h'))))
    """
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0 < bound < math.inf:
        raise InvalidArgument(f"expected a bound to clip at, a positive number, came {bound!r}")
    states = {state.name for state in cell.states}

    def wrapped(line: str) -> str:
        for call in reversed(list(_CALL.finditer(line))):  # from the right: places on the left stay right
            start, end = call.end(), _end_of_argument(line, call.end())
            argument = line[start:end].strip()
            if call[1] in FUNCTIONS and argument not in states:
                least = repr(-float(bound))  # the first operand, so that NaN is what comes out
                line = f"{line[:start]}max({least}, -max({least}, -({argument}))){line[end:]}"
        return line

    lines = [line if line.startswith("#") else wrapped(line) for line in cell.equations.splitlines()]
    return cell.replace(equations="\n".join(lines))


def _end_of_argument(line: str, start: int) -> int:
    """Where the argument that begins at `start` ends: at a comma or parenthesis that is not its own."""
    depth = 0
    for place in range(start, len(line)):
        if depth == 0 and line[place] in ",)":
            return place
        depth += {"(": 1, ")": -1}.get(line[place], 0)
    return len(line)


def coupled(cell: Cell) -> Cell:
    """Forget what is not written: the forget gate f becomes 1 - i, as ONNX's input_forget says.

    Raises InvalidArgument where a cell does not compute both gates, i first.

    >>> from hiddenstate.cells import CELLS
    >>> coupled(CELLS["lstm"]).labels["W"]
    ('i', 'g', 'o')
    """
    names = [name for name, _ in cell.assignments]
    if not {"i", "f"} <= set(names) or names.index("i") > names.index("f"):
        raise InvalidArgument(
            f"expected a cell that computes an input gate i and then a forget gate f, came {cell.name}, "
            f"which computes {', '.join(names)}; lstm and lstm_peephole have both"
        )
    equations = re.sub(r"^f\s*=.*$", "f = 1 - i", cell.equations, flags=re.MULTILINE)
    changes: dict[str, Any] = {
        "equations": equations,
        "vectors": tuple(v for v in cell.vectors if re.search(rf"\b{v.name}\b", equations)),
        "activations": {name: written for name, written in cell.activations.items() if name != "f"},
        "orders": {
            library: " ".join(label for label in order.split() if label != "f")
            for library, order in cell.orders.items()
        },
    }
    return cell.replace(**changes)
