r"""A cell's equations as LaTeX, from the same expressions that are computed."""

from __future__ import annotations

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.cells.equation import Expr, is_negation

_GREEK = {"phi", "alpha", "beta", "gamma", "delta", "mu", "sigma", "lambda", "tau"}


def _name(name: str, time: str = "") -> str:
    head, _, label = name.partition("_")
    head = "\\" + head if head in _GREEK else head if len(head) == 1 else rf"\mathrm{{{head}}}"
    label = label if len(label) < 2 else rf"\mathrm{{{label.replace('_', ',')}}}"
    below = ",".join(filter(None, (label, time)))
    return f"{head}_{{{below}}}" if below else head


def expression(root: Expr, outer: int = 0, biased: frozenset[str] = frozenset()) -> str:
    r"""One expression as LaTeX; the products of `biased` matrices (by letter) show their bias.

    >>> from hiddenstate.cells.equation import parse
    >>> print(expression(parse("f * (1 - z)", ("f", "z"))))
    f_{t} \odot \left(1 - z_{t}\right)
    """
    args = root.args
    if root.op == "const":
        return _number(root.value, outer)
    if root.op in ("symbol", "mask", "previous", "vector"):
        time = {"symbol": "t", "mask": "t", "previous": "t-1", "vector": ""}[root.op]
        return _name(root.name, time)
    if root.op == "div":
        return rf"\frac{{{expression(args[0], 0, biased)}}}{{{expression(args[1], 0, biased)}}}"
    if root.op == "matmul":
        letter, _, label = root.name.partition("_")
        level, written = 2, f"{_name(root.name)} {expression(args[0], 3)}"
        if letter in biased:
            level, written = 1, f"{written} + {_name(f'b_{letter}{label}')}"
    elif is_negation(root):
        level, written = 2, f"-{expression(args[1], 3, biased)}"
    elif root.op in ("add", "sub"):
        right = expression(args[1], 1 + (root.op == "sub"), biased)
        level, written = 1, f"{expression(args[0], 1, biased)} {'+' if root.op == 'add' else '-'} {right}"
    elif root.op == "mul":
        level = 2
        written = rf"{expression(args[0], 2, biased)} \odot {expression(args[1], 2, biased)}"
    else:
        return _applied(root, biased)
    return rf"\left({written}\right)" if level < outer else written


def _number(value: float, outer: int) -> str:
    """A constant with four digits; a negative one after an operator stands in parentheses."""
    digits, _, exponent = f"{value:.4g}".partition("e")
    written = rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
    return rf"\left({written}\right)" if value < 0 and outer > 1 else written


def _applied(root: Expr, biased: frozenset[str]) -> str:
    """A function with its argument; its constants stand below its name."""
    args = root.args
    if root.op == "exp":
        return rf"e^{{{expression(args[0], 0, biased)}}}"
    if root.op == "call":
        below = ", ".join(expression(arg) for arg in args[1:])
        head = FUNCTIONS[root.name].latex + (f"_{{{below}}}" if below else "")
        return rf"{head}\left({expression(args[0], 0, biased)}\right)"
    head = {"max": r"\max", "log": r"\log"}.get(root.op, rf"\mathrm{{{root.op}}}")
    return rf"{head}\left({', '.join(expression(arg, 0, biased) for arg in args)}\right)"


def latex(cell: Cell, bias: bool = True) -> str:
    r"""The equations of a cell as one aligned block, with the biases or without.

    >>> from hiddenstate.cells import CELLS
    >>> print(latex(CELLS["rnn"], bias=False))
    \begin{aligned}
    h_{t} &= \tanh\left(W x_{t} + R h_{t-1}\right)
    \end{aligned}
    """
    biased = frozenset(matrix.letter for matrix in cell.matrices if matrix.bias and bias)
    lines = [f"{_name(name, 't')} &= {expression(root, 0, biased)}" for name, root in cell.assignments]
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
