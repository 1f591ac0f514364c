"""A weighted sum and a bias, as a layer's last word: x W' + b, each row as it is alone."""

from __future__ import annotations

import numpy as np

from hiddenstate.cells import Cell
from hiddenstate.cells.parts import State
from hiddenstate.infer.one_layer import run_layer

# The core adds a row's products in one order however many rows there are, which no BLAS promises.
AFFINE = Cell(name="affine", title="Affine map", equations="h = identity(W x)", states=(State("h"),))


def affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Map x [..., W] to [..., K] with weight [K, W] and bias [K], all of one floating type.

    >>> affine(np.ones((2, 3), "f4"), np.full((1, 3), 2, "f4"), np.ones(1, "f4")).tolist()
    [[7.0], [7.0]]
    """
    rows = x.reshape(1, -1, x.shape[-1])
    first = [np.zeros((rows.shape[1], len(weight)), x.dtype)]
    output, _ = run_layer(AFFINE, {"weight_ih": weight, "bias_ih": bias}, rows, first, None, False)
    return output.reshape(*x.shape[:-1], len(weight))
