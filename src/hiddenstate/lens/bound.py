"""Why would a gradient be small? What one step back can do to it at most, said before any data are seen.

For h = phi(W x + R h') a step back multiplies by R^T diag(phi'), so by max |phi'| sigma_max(R) at most: below
1 the gradient must vanish, and above 1 it may explode (Pascanu, Mikolov and Bengio 2013; Bengio, Simard and
Frasconi 1994). Where a gate multiplies the state, the factor depends on what is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hiddenstate.cells import Cell
from hiddenstate.cells.equation import Expr

# the largest |phi'| of each elementwise function, of its parameters
STEEPEST: Mapping[str, Callable[..., float]] = {
    "sigmoid": lambda: 0.25,
    "tanh": lambda: 1.0,
    "relu": lambda: 1.0,
    "leaky_relu": lambda alpha: max(1.0, abs(alpha)),
    "elu": lambda alpha: max(1.0, abs(alpha)),
    "softplus": lambda: 1.0,
    "softsign": lambda: 1.0,
    "hard_sigmoid": lambda alpha, beta: abs(alpha),
    "silu": lambda: 1.0998393194,  # at x = 2.3994
    "gelu": lambda: 1.1289042089,  # at x = sqrt(2)
    "normal_cdf": lambda: 1 / math.sqrt(2 * math.pi),
    "identity": lambda: 1.0,
    "sin": lambda: 1.0,
    "cos": lambda: 1.0,
    "affine": lambda alpha, beta: abs(alpha),
    "thresholded_relu": lambda alpha: 1.0,
    "scaled_tanh": lambda alpha, beta: abs(alpha * beta),
}


@dataclass(frozen=True)
class Bound:
    """The most that a step back can multiply a gradient by, and what it is made of.

    `parts` are the largest slopes and norms whose product or sum it is, by their names in the equation.
    """

    factor: float
    parts: Mapping[str, float]


def bound_of(cell: Cell, weights: Mapping[str, np.ndarray]) -> Bound | None:
    """Bound the factor of one step back from the equation and its weights; None where no such bound holds.

    It is there for cells of one state, in which nothing that depends on the state is multiplied, divided or
    normalised: rnn, elman_readout, jordan, indrnn.

    >>> from hiddenstate.cells import CELLS
    >>> weights = {"weight_ih": np.ones((2, 1)), "weight_hh": np.diag([0.5, 0.25])}
    >>> bound_of(CELLS["rnn"].with_activations("sigmoid"), weights).factor
    0.125
    """
    if len(cell.states) != 1:
        return None
    parts: dict[str, float] = {}
    roots = dict(cell.assignments)
    factor = _steepness(roots[cell.states[0].name], roots, _Known(cell, weights, parts))
    return None if factor is None else Bound(factor, parts)


@dataclass(frozen=True)
class _Known:
    cell: Cell
    weights: Mapping[str, np.ndarray]
    parts: dict[str, float]

    def norm(self, name: str) -> float:
        """The largest singular value of a block, noted under its name."""
        letter, _, label = name.partition("_")
        labels = self.cell.labels[letter]
        blocks = np.split(self.weights[self.cell.matrix(letter).weight], len(labels))
        value = float(np.linalg.norm(blocks[labels.index(label)], 2))
        self.parts[f"sigma_max({name})"] = value
        return value


def _steepness(root: Expr, roots: Mapping[str, Expr], known: _Known) -> float | None:
    """A Lipschitz constant of a value in the previous state; None where it depends on the numbers."""
    if root.op == "previous":
        return 1.0
    if root.op == "symbol":
        return _steepness(roots[root.name], roots, known) if root.name in roots else 0.0
    if root.op in ("const", "vector", "mask"):
        return 0.0
    found = [_steepness(arg, roots, known) for arg in root.args]
    if None in found:
        return None
    slopes = [slope for slope in found if slope is not None]
    if not any(slopes):
        return 0.0
    if root.op in ("add", "sub"):
        return sum(slopes)
    if root.op == "matmul":
        return slopes[0] * known.norm(root.name)
    if root.op == "call":
        steepest = STEEPEST[root.name](*(arg.value for arg in root.args[1:]))
        known.parts[f"max |{root.name}'|"] = steepest
        return slopes[0] * steepest
    if root.op == "mul":
        return _scaled(root.args, slopes, known)
    return None


def _scaled(args: tuple[Expr, ...], slopes: list[float], known: _Known) -> float | None:
    """A product in which one factor is a parameter or a constant."""
    fixed, moved = (0, 1) if slopes[0] == 0 else (1, 0)
    factor = args[fixed]
    if slopes[fixed] or factor.op not in ("vector", "const"):
        return None
    if factor.op == "const":
        return abs(float(factor.value)) * slopes[moved]
    largest = float(np.abs(known.weights[factor.name]).max())
    known.parts[f"max |{factor.name}|"] = largest
    return largest * slopes[moved]
