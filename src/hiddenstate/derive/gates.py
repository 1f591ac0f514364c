"""Which values of a cell are gates, and by what factor each state carries over: read off its equations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.equation import Expr, node, substitute, walk
from hiddenstate.derive.gradient import ZERO, derivative, joined

Range = tuple[float, float]
EVERYTHING: Range = (-math.inf, math.inf)
# what a function can give, whatever it reads
RANGES: Mapping[str, Range] = {
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "normal_cdf": (0, 1),
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "sin": (-1, 1),
    "cos": (-1, 1),
    "softplus": (0, math.inf),
}


@cache
def gates(cell: Cell) -> tuple[str, ...]:
    """The named values that lie in 0..1 whatever the weights are, and that are neither state nor output.

    >>> from hiddenstate.cells import CELLS
    >>> gates(CELLS["lstm"]), gates(CELLS["janet"]), gates(CELLS["rnn"])
    (('i', 'f', 'o'), ('f', 'i'), ())
    """
    ranges = _ranges(cell)
    carried_on = {cell.output, *(state.name for state in cell.states)}
    return tuple(
        name
        for name, root in joined(cell).items()
        if name not in carried_on and root.op != "const" and ranges[root][0] >= 0 and ranges[root][1] <= 1
    )


@cache
def carried(cell: Cell) -> Mapping[str, Expr | None]:
    """For each state the factor of its previous value in its next one, unit by unit; None without one.

    What goes through a matrix mixes the units and is left out; gates are taken as they are, and the slope
    of an activation around the previous value counts as one.

    >>> from hiddenstate.cells import CELLS
    >>> carried(CELLS["lstm"])["c"], carried(CELLS["mgu"])["h"], carried(CELLS["rnn"])["h"]
    (f, 1 - f, None)
    """
    named, kept = dict(cell.assignments), set(gates(cell))
    values: dict[Expr, Expr] = {}
    for name, root in cell.assignments:
        if name not in kept:
            values[node("symbol", name=name)] = substitute(root, values)
    found: dict[str, Expr | None] = {}
    for state in cell.states:
        previous = node("previous", name=state.name)
        root = _without_activations(substitute(named[state.name], values), previous)
        factor = derivative(root, previous)
        if factor is ZERO or previous in set(_beside(factor)):
            # a factor that changes with what it multiplies is none: that of the larger of two, say
            found[state.name] = None
        else:
            found[state.name] = substitute(factor, {value: name for name, value in values.items()})
    return found


def _beside(root: Expr) -> Iterator[Expr]:
    """Visit what an expression reads unit by unit: not what stands behind a matrix or a normalisation."""
    if root.op not in ("matmul", "norm"):
        yield root
        for arg in root.args:
            yield from _beside(arg)


def _without_activations(root: Expr, around: Expr) -> Expr:
    """Take away the activations around a value."""
    calls = [n for n in walk(root) if n.op == "call" and around in set(_beside(n))]
    bare: dict[Expr, Expr] = {}
    for call in calls:  # innermost first
        bare[call] = substitute(call.args[0], bare)
    return substitute(root, bare)


def _ranges(cell: Cell) -> dict[Expr, Range]:
    """Between which numbers every part of the equations lies."""
    scales = {mask.name: 1 / (1 - mask.rate) if mask.scaled else 1.0 for mask in cell.masks}
    found: dict[Expr, Range] = {}
    for n in walk(*joined(cell).values()):
        if n.op == "const":
            found[n] = (n.value, n.value)
        elif n.op == "mask":
            found[n] = (0, scales[n.name])
        else:
            found[n] = _range(n, found)
    return found


def _range(n: Expr, found: Mapping[Expr, Range]) -> Range:
    args = [found[arg] for arg in n.args]
    if n.op == "call":
        return _of_function(n, args)
    if n.op == "add":
        return args[0][0] + args[1][0], args[0][1] + args[1][1]
    if n.op == "sub":
        return _of_difference(n, args)
    if n.op == "mul":
        ends = [0.0 if 0 in (a, b) else a * b for a in args[0] for b in args[1]]  # 0 times infinity is 0
        return min(ends), max(ends)
    if n.op == "max":
        return max(args[0][0], args[1][0]), max(args[0][1], args[1][1])
    if n.op == "select":
        return min(args[1][0], args[2][0]), max(args[1][1], args[2][1])
    if n.op == "exp":
        return _exp(args[0][0]), _exp(args[0][1])
    if n.op == "div" and args[0][0] >= 0 and _is_part(n.args[0], n.args[1], found):
        return 0, 1
    return EVERYTHING


def _of_function(n: Expr, args: list[Range]) -> Range:
    low, high = args[0]
    if n.name in RANGES:
        return RANGES[n.name]
    if n.name == "relu":
        return max(0.0, low), max(0.0, high)
    if n.name == "identity":
        return low, high
    if n.name == "scaled_tanh":
        return -abs(n.args[1].value), abs(n.args[1].value)
    if n.name == "affine":
        ends = [n.args[1].value * end + n.args[2].value if n.args[1].value else n.args[2].value
                for end in (low, high)]  # fmt: skip
        return min(ends), max(ends)
    return EVERYTHING


def _of_difference(n: Expr, args: list[Range]) -> Range:
    """Of a - max(a, b) is known that it is at most 0."""
    first, second = n.args
    low, high = args[0][0] - args[1][1], args[0][1] - args[1][0]
    if second.op == "max" and first in second.args:
        high = min(high, 0.0)
    if first.op == "max" and second in first.args:
        low = max(low, 0.0)
    return low, high


def _is_part(part: Expr, whole: Expr, found: Mapping[Expr, Range]) -> bool:
    """Whether the whole is the part with something added that is never below zero."""
    if part is whole or whole.op != "add":
        return part is whole
    first, second = whole.args
    return (_is_part(part, first, found) and found[second][0] >= 0) or (
        _is_part(part, second, found) and found[first][0] >= 0
    )


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)
