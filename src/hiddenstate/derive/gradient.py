"""Symbolic derivatives: one table of rules, walked backwards through the graph of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.cells.equation import Expr, const, node, substitute, walk
from hiddenstate.cells.parts import Product

ZERO, ONE = const(0), const(1)


def add(a: Expr, b: Expr) -> Expr:
    """a + b, with zeros left out."""
    if a is ZERO:
        return b
    return a if b is ZERO else node("add", (a, b))


def sub(a: Expr, b: Expr) -> Expr:
    """a - b, with a zero b left out."""
    return a if b is ZERO else node("sub", (a, b))


def mul(a: Expr, b: Expr) -> Expr:
    """a b, with zeros and ones folded."""
    if a is ZERO or b is ZERO:
        return ZERO
    if a is ONE:
        return b
    if b is ONE:
        return a
    return const(a.value * b.value) if a.op == b.op == "const" else node("mul", (a, b))


def div(a: Expr, b: Expr) -> Expr:
    """a / b, with a zero a folded."""
    return ZERO if a is ZERO else node("div", (a, b))


def select(mask: Expr, a: Expr, b: Expr) -> Expr:
    """A where mask > 0, else b; one value where both are the same."""
    return a if a is b else node("select", (mask, a, b))


# For each primitive y = op(args): what the adjoint d of y adds to the adjoint of each argument.
RULES: Mapping[str, Callable[[tuple[Expr, ...], Expr, Expr], tuple[Expr, ...]]] = {
    "add": lambda args, y, d: (d, d),
    "sub": lambda args, y, d: (d, sub(ZERO, d)),
    "mul": lambda args, y, d: (mul(d, args[1]), mul(d, args[0])),
    "div": lambda args, y, d: (div(d, args[1]), sub(ZERO, div(mul(d, y), args[1]))),
    "max": lambda args, y, d: (
        select(sub(args[1], args[0]), ZERO, d),
        select(sub(args[1], args[0]), d, ZERO),
    ),
    "select": lambda args, y, d: (ZERO, select(args[0], d, ZERO), select(args[0], ZERO, d)),
    "exp": lambda args, y, d: (mul(d, y),),
    "log": lambda args, y, d: (div(d, args[0]),),
    "norm": lambda args, y, d: (node("norm_back", (d, y, node("inverse_deviation", args))),),
    "call": lambda args, y, d: (mul(d, FUNCTIONS[y.name].derivative_at(y)), *(ZERO,) * (len(args) - 1)),
}


def joined(cell: Cell) -> dict[str, Expr]:
    """Every named value as one graph down to the input and the previous states, names replaced by what they
    stand for."""
    values: dict[Expr, Expr] = {}
    for name, root in cell.assignments:
        values[node("symbol", name=name)] = substitute(root, values)
    return {name.name: root for name, root in values.items()}


def adjoints(
    seeds: Mapping[Expr, Expr], groups: Mapping[Expr, tuple[Product, ...]] | None = None
) -> dict[Expr, Expr]:
    """The adjoint of every node below the seeded roots.

    `groups` lists, for an operand, the products that read it: its adjoint takes one transposed product of
    each group. Without it (or for the input x) products are leaves.
    """
    found: dict[Expr, Expr] = {}
    for root, seed in seeds.items():
        found[root] = add(found.get(root, ZERO), seed)
    for n in reversed(list(walk(*seeds))):
        for product in (groups or {}).get(n, ()):
            deltas = tuple(found.get(block, ZERO) for block in product.nodes())
            if any(delta is not ZERO for delta in deltas):
                back = node("product_back", deltas, f"{product.letter} {product.first}")
                found[n] = add(found.get(n, ZERO), back)
        adjoint = found.get(n, ZERO)
        if n.op in RULES and adjoint is not ZERO:
            for arg, part in zip(n.args, RULES[n.op](n.args, n, adjoint), strict=True):
                found[arg] = add(found.get(arg, ZERO), part)
    return found


def derivative(root: Expr, by: Expr) -> Expr:
    """The derivative of one expression by one of its leaves or parts, elementwise.

    >>> from hiddenstate.cells import CELLS
    >>> carried = dict(CELLS["lstm"].assignments)["c"]
    >>> derivative(carried, node("previous", name="c"))
    f
    """
    return adjoints({root: ONE}).get(by, ZERO)
