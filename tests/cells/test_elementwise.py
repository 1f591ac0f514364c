"""The elementwise functions: values against mpmath in 40 digits, torch against NumPy, derivatives."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch

from hiddenstate.cells import FUNCTIONS
from hiddenstate.cells.elementwise import activation
from hiddenstate.cells.equation import Expr, node, walk
from hiddenstate.derive.reference import NUMPY, torch_arrays
from hiddenstate.errors import InvalidArgument

X = node("symbol", name="x")
PARAMETERS = {
    "leaky_relu": [(0.01,), (0.3,), (-0.5,)],
    "elu": [(1.0,), (0.5,)],
    "hard_sigmoid": [(1 / 6, 0.5), (0.2, 0.5), (0.25, 0.4)],
    "affine": [(1.0, 0.0), (-2.0, 0.25)],
    "thresholded_relu": [(1.0,), (-0.5,)],
    "scaled_tanh": [(1.0, 1.0), (1.7159, 2 / 3)],
}
CASES = [(name, values) for name in FUNCTIONS for values in PARAMETERS.get(name, [()])]
GRID = np.concatenate(
    [
        np.linspace(-12, 12, 97),
        [-700, -100, -37.5, -30, 30, 37.5, 100, 700, 1e-300, -1e-300, 1e-9, -1e-9, 0.0],
    ]
)
each_case = pytest.mark.parametrize(("name", "values"), CASES)


def logistic(x):
    return 1 / (1 + mpmath.exp(-x))


def normal_cdf(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


TRUTH = {
    "sigmoid": logistic,
    "tanh": mpmath.tanh,
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "leaky_relu": lambda x, alpha: x if x > 0 else alpha * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * mpmath.expm1(x),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "hard_sigmoid": lambda x, alpha, beta: min(max(alpha * x + beta, mpmath.mpf(0)), mpmath.mpf(1)),
    "silu": lambda x: x * logistic(x),
    "gelu": lambda x: x * normal_cdf(x),
    "normal_cdf": normal_cdf,
    "identity": lambda x: x,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "thresholded_relu": lambda x, alpha: x if x > alpha else mpmath.mpf(0),
    "scaled_tanh": lambda x, alpha, beta: alpha * mpmath.tanh(beta * x),
}


def truth(name: str, values: tuple[float, ...], x: float) -> mpmath.mpf:
    return TRUTH[name](mpmath.mpf(x), *(mpmath.mpf(value) for value in values))


def evaluate(root: Expr, x: np.ndarray) -> np.ndarray:
    """The value of an expression over x alone, in NumPy."""
    found: dict[Expr, np.ndarray] = {}
    for n in walk(root):
        args = [found[arg] for arg in n.args]
        if n.op == "const":
            found[n] = np.asarray(n.value)
        elif n.op == "symbol":
            found[n] = x
        else:
            table = NUMPY.functions if n.op == "call" else NUMPY.primitives
            found[n] = table[n.name if n.op == "call" else n.op](*args)
    return np.broadcast_to(found[root], x.shape)


def test_every_function_has_a_judge() -> None:
    assert set(TRUTH) == set(FUNCTIONS) == set(torch_arrays().functions)
    assert {name: len(FUNCTIONS[name].parameters) for name in FUNCTIONS} == {
        name: len(PARAMETERS.get(name, [()])[0]) for name in FUNCTIONS
    }


@each_case
def test_float64_agrees_with_forty_digits(name: str, values: tuple[float, ...]) -> None:
    with mpmath.workdps(40), np.errstate(under="ignore"):
        exact = np.array([float(truth(name, values, x)) for x in GRID])
        ours = FUNCTIONS[name].definition(GRID, *values)
    # sums that cancel (an affine's zero, a cosine's) are exact to the rounding of their parts
    np.testing.assert_allclose(
        ours, exact, rtol=2e-13, atol=1e-15 if values or name in ("sin", "cos") else 1e-305
    )


@each_case
def test_torch_agrees_with_numpy(name: str, values: tuple[float, ...]) -> None:
    ours = FUNCTIONS[name].definition(GRID, *values)
    theirs = torch_arrays().functions[name](torch.from_numpy(GRID), *values)
    assert theirs.dtype == torch.float64
    # torch's gelu cancels on the far left, where the value is below 1e-15
    np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-13, atol=1e-14)


@each_case
def test_extremes_are_what_they_tend_to(name: str, values: tuple[float, ...]) -> None:
    far = np.array([-1e30, 1e30])
    if name not in ("sin", "cos"):
        with np.errstate(over="raise", invalid="raise"):
            ours = FUNCTIONS[name].definition(far, *values)
        with mpmath.workdps(60):
            exact = [float(truth(name, values, x)) for x in (-(mpmath.mpf(10) ** 4), mpmath.mpf(10) ** 4)]
        bounded = [abs(value) <= 2 for value in exact]
        np.testing.assert_allclose(ours[bounded], np.array(exact)[bounded], atol=2e-4)
        assert all(np.sign(o) == np.sign(e) for o, e in zip(ours, exact, strict=True) if abs(e) > 2)
    with np.errstate(invalid="ignore"):
        of_nan = FUNCTIONS[name].definition(np.array([np.nan]), *values)
    assert np.isnan(of_nan).all() == (name != "thresholded_relu")  # which compares, in torch as well


@each_case
def test_derivatives_agree_with_forty_digits(name: str, values: tuple[float, ...]) -> None:
    call = activation(f"{name}({', '.join(map(repr, values))})" if values else name, X)
    x = np.linspace(-6.03, 6.01, 83)
    kinks = FUNCTIONS[name].kinks(*values)
    x = x[[all(abs(point - kink) > 1e-3 for kink in kinks) for point in x]]
    assert len(x) > 70
    derived = evaluate(FUNCTIONS[name].derivative_at(call), x)
    with mpmath.workdps(40):
        exact = [float(mpmath.diff(lambda z: truth(name, values, z), point, h=1e-12)) for point in x]
    np.testing.assert_allclose(derived, exact, rtol=1e-10, atol=1e-11)


@each_case
def test_derivatives_are_finite_far_out(name: str, values: tuple[float, ...]) -> None:
    call = activation(f"{name}({', '.join(map(repr, values))})" if values else name, X)
    far = np.array([-1e9, -700.0, 700.0, 1e9])
    with np.errstate(under="ignore"):
        derived = evaluate(FUNCTIONS[name].derivative_at(call), far)
    assert np.isfinite(derived).all()
    assert (np.abs(derived) <= 2).all()


@each_case
def test_kinks_are_where_the_slopes_differ(name: str, values: tuple[float, ...]) -> None:
    for kink in FUNCTIONS[name].kinks(*values):
        left, right = (
            FUNCTIONS[name].definition(np.array([kink + s, kink + 2 * s]), *values) for s in (-1e-6, 1e-6)
        )
        slopes = (left[0] - left[1]) / 1e-6, (right[1] - right[0]) / 1e-6
        jump = abs(right[0] - left[0])
        assert abs(slopes[0] - slopes[1]) > 1e-3 or jump > 1e-3


def test_derivatives_from_the_output_do_not_read_the_input() -> None:
    """These keep the output alone; the input is not needed again."""
    from_output = ("sigmoid", "tanh", "relu", "hard_sigmoid", "scaled_tanh", "softsign", "identity", "affine")
    for name in FUNCTIONS:
        call = activation(name, X)
        derivative = FUNCTIONS[name].derivative_at(call)
        outside = set(walk(derivative)) - set(walk(call))
        reads_input = any(X in n.args for n in outside) or derivative is X
        assert reads_input != (name in from_output), name


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("relu", "relu(x)"),
        (" relu ( ) ", "relu(x)"),
        ("leaky_relu", "leaky_relu(x, 0.01)"),
        ("leaky_relu(0.2)", "leaky_relu(x, 0.2)"),
        ("leaky_relu(alpha=.2)", "leaky_relu(x, 0.2)"),
        ("leaky_relu( alpha = 2e-1 , )", "leaky_relu(x, 0.2)"),
        ("hard_sigmoid(beta=0.4)", "hard_sigmoid(x, 0.16666666666666666, 0.4)"),
        ("hard_sigmoid(0.2, 0.4)", "hard_sigmoid(x, 0.2, 0.4)"),
        ("hard_sigmoid(0.2, beta=0.4)", "hard_sigmoid(x, 0.2, 0.4)"),
        ("affine(-1)", "affine(x, -1, 0)"),
    ],
)
def test_activations_are_read_as_users_write_them(written: str, expected: str) -> None:
    assert repr(activation(written, X)) == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("rely", "unknown activation 'rely': did you mean 'relu'?"),
        ("leaky_relu(slope=0.2)", "leaky_relu does not take 'slope=0.2'; its parameters are alpha"),
        ("leaky_relu(0.1, 0.2)", "leaky_relu does not take '0.2'; its parameters are alpha"),
        ("relu(1)", "relu does not take '1'; it has no parameters"),
        ("leaky_relu(=0.2)", "leaky_relu does not take '=0.2'"),
        ("leaky_relu(alpha=0.1, alpha=0.2)", "leaky_relu is given alpha twice"),
        ("hard_sigmoid(beta=0.3, 0.4)", "hard_sigmoid is given beta twice"),
        ("leaky_relu(a lot)", "leaky_relu expects a number for alpha, came 'a lot'"),
        ("leaky_relu(nan)", "leaky_relu expects a number for alpha, came 'nan'"),
        ("leaky_relu(alpha=inf)", "leaky_relu expects a number for alpha, came 'inf'"),
        (
            "leaky_relu(0.2",
            "expected an activation such as 'relu' or 'leaky_relu(0.2)', came 'leaky_relu(0.2'",
        ),
        ("", "expected an activation"),
        ("relu; import os", "expected an activation"),
        ("__import__('os').remove('x')", "expected an activation"),
        (None, "expected an activation such as 'relu' or 'leaky_relu(0.2)', came None"),
    ],
)
def test_wrong_activations_say_what_is_wrong(written: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        activation(written, X)
    assert message in str(caught.value)
