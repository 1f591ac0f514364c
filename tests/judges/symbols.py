"""Expressions of the language of cells as SymPy's, to be differentiated by SymPy."""

from __future__ import annotations

import sympy

ONE_ARGUMENT = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sigmoid": lambda a: 1 / (1 + sympy.exp(-a)),
    "tanh": sympy.tanh,
    "softplus": lambda a: sympy.log(1 + sympy.exp(a)),
    "relu": lambda a: sympy.Piecewise((a, a > 0), (0, True)),
    "identity": lambda a: a,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "softsign": lambda a: a / (1 + sympy.Abs(a)),
    "silu": lambda a: a / (1 + sympy.exp(-a)),
    "gelu": lambda a: a * (1 + sympy.erf(a / sympy.sqrt(2))) / 2,
    "normal_cdf": lambda a: (1 + sympy.erf(a / sympy.sqrt(2))) / 2,
}
SEVERAL = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "max": lambda a, b: sympy.Piecewise((a, a > b), (b, True)),
    "select": lambda m, a, b: sympy.Piecewise((a, m > 0), (b, True)),
}


def symbolic(root, leaves: dict):
    """A node as a SymPy expression: `leaves` gives the symbol of each leaf, and of any node to stop at."""
    if root in leaves:
        return leaves[root]
    if root.op == "const":
        return sympy.Float(root.value, 17) if root.value % 1 else sympy.Integer(int(root.value))
    args = [symbolic(arg, leaves) for arg in root.args]
    if root.op in SEVERAL:
        return SEVERAL[root.op](*args)
    return ONE_ARGUMENT[root.name if root.op == "call" else root.op](args[0])
