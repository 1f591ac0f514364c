"""The elementwise functions: the activations that any gate of any cell may use.

Each row is data: the float64 definition, the derivative written in the little language over x (the
input), y (the output) and the parameters, the name in ONNX, and the LaTeX. Derivatives that can be had
from y alone say so by using only y: then the tape need not keep x.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hiddenstate.cells.equation import Expr, const, node, parse, substitute
from hiddenstate.errors import InvalidArgument, nearest

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


@dataclass(frozen=True)
class Elementwise:
    """One function of one number: `definition(x, *parameters)` on float64 arrays.

    `kinks` are the points where the derivative does not exist, as a function of the parameters; a finite
    difference must not step over one.
    """

    name: str
    definition: Callable[..., np.ndarray]
    derivative: str
    latex: str
    onnx: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    kinks: Callable[..., tuple[float, ...]] = lambda *parameters: ()

    def derivative_at(self, call: Expr) -> Expr:
        """The derivative of one use of this function, in terms of its argument and of itself."""
        root = parse(self.derivative, ("x", "y", *self.parameters), frozenset(FUNCTIONS))
        mapping = {node("symbol", name="x"): call.args[0], node("symbol", name="y"): call}
        for name, value in zip(self.parameters, call.args[1:], strict=True):
            mapping[node("symbol", name=name)] = value
        return substitute(root, mapping)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))  # never overflows, so the far left keeps its relative precision
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    return 0.5 * _erfc(-x / math.sqrt(2))  # of 1 + erf nothing would be left on the far left


def _elu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


_ROWS = (
    Elementwise("sigmoid", _sigmoid, "y * (1 - y)", r"\sigma", "Sigmoid"),
    Elementwise("tanh", np.tanh, "1 - y * y", r"\tanh", "Tanh"),
    Elementwise("relu", lambda x: np.maximum(x, 0), "select(y, 1, 0)", r"\mathrm{relu}", "Relu",
                kinks=lambda: (0.0,)),
    Elementwise("leaky_relu", lambda x, alpha: np.where(x > 0, x, alpha * x), "select(x, 1, alpha)",
                r"\mathrm{lrelu}", "LeakyRelu", {"alpha": 0.01}, kinks=lambda alpha: (0.0,)),
    Elementwise("elu", _elu, "select(x, 1, alpha * exp(x - max(x, 0)))", r"\mathrm{elu}", "Elu",
                {"alpha": 1.0}, kinks=lambda alpha: () if alpha == 1 else (0.0,)),
    Elementwise("softplus", lambda x: np.logaddexp(x, 0), "sigmoid(x)", r"\mathrm{softplus}", "Softplus"),
    Elementwise("softsign", lambda x: x / (1 + np.abs(x)), "(1 - max(y, -y)) * (1 - max(y, -y))",
                r"\mathrm{softsign}", "Softsign"),
    Elementwise("hard_sigmoid", lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
                "select(y, select(1 - y, alpha, 0), 0)", r"\hat\sigma", "HardSigmoid",
                {"alpha": 1 / 6, "beta": 0.5}, kinks=lambda alpha, beta: (-beta / alpha, (1 - beta) / alpha)),
    Elementwise("silu", lambda x: x * _sigmoid(x), "sigmoid(x) * (1 + x * (1 - sigmoid(x)))",
                r"\mathrm{silu}"),
    Elementwise("gelu", lambda x: x * _normal_cdf(x),
                "normal_cdf(x) + x * (exp(-0.5 * x * x) * 0.3989422804014327)", r"\mathrm{gelu}"),
    Elementwise("normal_cdf", _normal_cdf,
                "exp(-0.5 * x * x) * 0.3989422804014327", r"\Phi"),
    Elementwise("identity", lambda x: x, "1", r"\mathrm{id}"),
    Elementwise("sin", np.sin, "cos(x)", r"\sin"),
    Elementwise("cos", np.cos, "-sin(x)", r"\cos"),
    Elementwise("affine", lambda x, alpha, beta: alpha * x + beta, "alpha", r"\mathrm{affine}", "Affine",
                {"alpha": 1.0, "beta": 0.0}),
    Elementwise("thresholded_relu", lambda x, alpha: np.where(x > alpha, x, 0), "select(x - alpha, 1, 0)",
                r"\mathrm{trelu}", "ThresholdedRelu", {"alpha": 1.0}, kinks=lambda alpha: (alpha,)),
    Elementwise("scaled_tanh", lambda x, alpha, beta: alpha * np.tanh(beta * x),
                "beta * (alpha - y * y / alpha)", r"\mathrm{stanh}", "ScaledTanh",
                {"alpha": 1.0, "beta": 1.0}),
)  # fmt: skip
FUNCTIONS: dict[str, Elementwise] = {row.name: row for row in _ROWS}


def activation(written: str, argument: Expr) -> Expr:
    """Apply an activation as a user writes it: "relu", "leaky_relu(0.2)", "leaky_relu(alpha=0.2)".

    Raises InvalidArgument for an unknown function or parameter.

    >>> activation("leaky_relu(alpha=0.2)", node("symbol", name="z"))
    leaky_relu(z, 0.2)
    """
    match = re.fullmatch(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*", written) if isinstance(written, str) else None
    if not match:
        raise InvalidArgument(f"expected an activation such as 'relu' or 'leaky_relu(0.2)', came {written!r}")
    name, inside = match[1], match[2] or ""
    if name not in FUNCTIONS:
        raise InvalidArgument(f"unknown activation {name!r}: {nearest(name, FUNCTIONS)}")
    names, given = list(FUNCTIONS[name].parameters), {}
    for position, part in enumerate(filter(None, (piece.strip() for piece in inside.split(",")))):
        key, equals, value = part.rpartition("=")
        key = key.strip() if equals else "".join(names[position : position + 1])
        if key not in names:
            valid = f"its parameters are {', '.join(names)}" if names else "it has no parameters"
            raise InvalidArgument(f"{name} does not take {part!r}; {valid}")
        if key in given:
            raise InvalidArgument(f"{name} is given {key} twice in {written!r}; once is enough")
        given[key] = _number(value, f"{name} expects a number for {key}")
    values = {**FUNCTIONS[name].parameters, **given}
    return node("call", (argument, *(const(value) for value in values.values())), name)


def _number(written: str, expected: str) -> float:
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidArgument(f"{expected}, came {written.strip()!r}")
    return value
