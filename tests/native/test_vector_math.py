"""Elementary functions against mpmath: the bounds of native/vector_math.h, on every instruction set."""

from __future__ import annotations

from functools import cache

import mpmath
import numpy as np
import pytest

from hiddenstate import native
from hiddenstate.cells.elementwise import FUNCTIONS
from native_runs import ISAS, running

INF = float("inf")
FLOOR = 1.2e-38  # results below it may be 0
CONSTANTS = {
    "leaky_relu": (0.2, 0.0),
    "elu": (0.7, 0.0),
    "hard_sigmoid": (0.3, 0.45),
    "affine": (1.7, -0.3),
    "thresholded_relu": (0.8, 0.0),
    "scaled_tanh": (1.7, 0.6),
}
sigmoid = lambda x: 1 / (1 + mpmath.exp(-x))  # noqa: E731
EXACT = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sigmoid": sigmoid,
    "tanh": mpmath.tanh,
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x, a, _: x if x > 0 else a * x,
    "elu": lambda x, a, _: x if x > 0 else a * mpmath.expm1(x),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(-abs(x))) + max(x, 0),
    "softsign": lambda x: x / (1 + abs(x)),
    "hard_sigmoid": lambda x, a, b: min(1, max(0, a * x + b)),
    "silu": lambda x: x * sigmoid(x),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "normal_cdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "identity": lambda x: x,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "affine": lambda x, a, b: a * x + b,
    "thresholded_relu": lambda x, a, _: x if x > a else 0,
    "scaled_tanh": lambda x, a, b: a * mpmath.tanh(b * x),
}
# (units in the last place, absolute, share of |x|): an error is at most their sum; gelu's share ends at 6
BOUNDS = {
    "exp": (2, 0, 0),
    "log": (1, 0, 0),
    "sigmoid": (2.5, 0, 0),
    "tanh": (7, 2.5e-36, 0),
    "relu": (0, 0, 0),
    "leaky_relu": (0.5, 0, 0),
    "elu": (3, 0, 0),
    "softplus": (4, 0, 0),
    "softsign": (1.5, 0, 0),
    "hard_sigmoid": (0.5, 1.2e-7, 0),
    "silu": (3.5, 1.1e-36, 0),
    "gelu": (0.5, 0, 3e-7),
    "normal_cdf": (0, 3e-7, 0),
    "identity": (0, 0, 0),
    "sin": (0, 1.2e-7, 0),
    "cos": (0, 1.2e-7, 0),
    "affine": (0.5, 6e-8, 1.1e-7),
    "thresholded_relu": (0, 0, 0),
    "scaled_tanh": (8, 5e-36, 0),
}
each_function = pytest.mark.parametrize("name", EXACT)


def computed(name: str, x: np.ndarray) -> np.ndarray:
    x = np.ascontiguousarray(x, np.float32)
    y = np.full_like(x, 7)
    number, constants = native.ops().index(name), CONSTANTS.get(name, (0.0, 0.0))
    native.module().elementwise(number, x.ctypes.data, y.ctypes.data, x.size, *constants)
    return y


def constants_of(name: str) -> list[float]:
    """As the core has them: float32."""
    return [float(np.float32(k)) for k in CONSTANTS.get(name, ())]


def inside(name: str, x: np.ndarray) -> np.ndarray:
    return np.abs(x) if name == "log" else x


@cache
def arguments() -> np.ndarray:
    """Small and large, every power of two, and what lies around the places where a function changes."""
    random = np.random.default_rng(0)
    powers = np.exp2(np.arange(-126.0, 128))
    places = np.array([0.0, 0.5, 0.8, 1.5, 4, 5.6, 7.9053, 16.6, 17.3, 80, 87.33, 88.37, 88.72, 103, 8192])
    near = np.concatenate([np.nextafter(places.astype("f4"), np.float32(to)) for to in (-1e9, 1e9)])
    half = np.concatenate([powers, places, near, np.linspace(0, 12, 241), np.linspace(12, 110, 99)])
    half = np.concatenate([half, np.exp2(random.uniform(-30, 7, 200))])
    return np.concatenate([half, -half]).astype(np.float32)


@cache
def exact(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Arguments, and what mpmath says of them."""
    x = inside(name, arguments())
    x = x[x > 1.17e-38] if name == "log" else x  # below that a number counts as zero
    constants = [mpmath.mpf(k) for k in constants_of(name)]
    with mpmath.workdps(40):
        return x, np.array([float(EXACT[name](mpmath.mpf(float(v)), *constants)) for v in x])


def assert_within(name: str, x: np.ndarray, truth: np.ndarray, isa: str) -> None:
    places, absolute, share = BOUNDS[name]
    reach = np.minimum(np.abs(x), 6) if name == "gelu" else np.abs(x)
    y = computed(name, x)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = np.abs(np.spacing(np.clip(np.abs(truth), 2.0**-126, 3e38).astype(np.float32))).astype(float)
        error = np.abs(y.astype(float) - truth)
        allowed = places * unit + absolute + share * reach + FLOOR
        over = (np.abs(truth) > 3.4026e38) & np.isinf(y) & (np.sign(y) == np.sign(truth))
        wrong = ~(error <= allowed) & ~over
    rows = [f"{name}({x[k]!r}) = {y[k]!r}, not {truth[k]!r}" for k in np.flatnonzero(wrong)[:3]]
    assert not rows, (isa, int(wrong.sum()), rows)


@each_function
def test_within_the_bounds_of_mpmath(name: str) -> None:
    for isa in ISAS:
        with running(isa):
            assert_within(name, *exact(name), isa)


@pytest.mark.parametrize("name", ["exp", "log", *FUNCTIONS])
def test_within_the_bounds_on_a_dense_grid(name: str) -> None:
    """The judge is float64 here, which is exact enough and fast."""
    random = np.random.default_rng(1)
    spread = np.exp2(random.uniform(-126, 127, 20000)) * random.choice([-1, 1], 20000)
    grid = [np.linspace(-105, 105, 40001), np.linspace(-10, 10, 40001), random.normal(size=20000), spread]
    x = inside(name, np.concatenate(grid).astype(np.float32))
    x = x[(x != 0) & (np.abs(x) <= 8192)] if name in ("log", "sin", "cos") else x
    known = {"exp": np.exp, "log": np.log}
    definition = known[name] if name in known else FUNCTIONS[name].definition
    count = len(FUNCTIONS[name].parameters) if name in FUNCTIONS else 0
    with np.errstate(over="ignore", under="ignore"):
        truth = definition(x.astype(float), *constants_of(name)[:count])
    for isa in ISAS:
        with running(isa):
            assert_within(name, x, truth, isa)


LIMITS = {  # at -inf and at inf; NaN is allowed where a limit is a product or quotient of infinities
    "exp": (0, INF),
    "log": (np.nan, INF),
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, INF),
    "leaky_relu": (-INF, INF),
    "elu": (-0.7, INF),
    "softplus": (0, INF),
    "softsign": (np.nan, np.nan),
    "hard_sigmoid": (0, 1),
    "silu": (0, INF),
    "gelu": (np.nan, INF),
    "normal_cdf": (0, 1),
    "identity": (-INF, INF),
    "sin": (np.nan, np.nan),
    "cos": (np.nan, np.nan),
    "affine": (-INF, INF),
    "thresholded_relu": (0, INF),
    "scaled_tanh": (-1.7, 1.7),
}
AT_ZERO = {"exp": 1, "log": -INF, "sigmoid": 0.5, "softplus": np.log(2), "hard_sigmoid": 0.45} | {
    "normal_cdf": 0.5,
    "cos": 1,
    "affine": -0.3,
}


@each_function
def test_special_values(name: str) -> None:
    tiny = np.float32(2.0**-140)  # subnormal: it counts as zero
    biggest = np.finfo(np.float32).max
    given = np.array([np.nan, -INF, INF, 0.0, -0.0, tiny, -tiny, biggest, -biggest], np.float32)
    low, high = (np.float32(v) for v in LIMITS[name])
    for isa in ISAS:
        with running(isa):
            nan, left, right, *small, largest, lowest = computed(name, given)
        assert np.isnan(nan), isa
        rounded = (
            3e-7 if name == "scaled_tanh" else 0
        )  # a derivative that is 1 - y y has to be 0 at the limit
        np.testing.assert_allclose([left, right], [low, high], rtol=rounded, atol=FLOOR, err_msg=isa)
        centre = small[2:] if name != "log" else small[:3]
        np.testing.assert_allclose(centre, AT_ZERO.get(name, 0), rtol=3e-7, atol=FLOOR, err_msg=isa)
        np.testing.assert_allclose(small[:2], AT_ZERO.get(name, 0), rtol=3e-7, atol=FLOOR, err_msg=isa)
        if name not in ("log", "sin", "cos", "softsign", "affine", "identity", "leaky_relu", "gelu"):
            np.testing.assert_allclose(
                [lowest, largest], [low, np.minimum(high, largest)], rtol=3e-7, atol=FLOOR
            )


@each_function
def test_a_value_does_not_depend_on_its_neighbours(name: str) -> None:
    x = np.random.default_rng(2).permutation(arguments())[:333]
    hostile = np.array(
        [np.nan, INF, -INF, 0, -0.0, 1e-42, 3e38, -3e38, 9000.5, 88.5, -88.5, 1, -1, 2, 0.5], "f4"
    )
    for isa in ISAS:
        with running(isa):
            together = computed(name, x).view(np.int32)
            alone = np.array([computed(name, x[k : k + 1])[0] for k in range(len(x))]).view(np.int32)
            np.testing.assert_array_equal(together, alone, err_msg=isa)
            for k in range(64):
                row = np.roll(np.concatenate([hostile, x[k : k + 1]]), k)
                found = np.roll(computed(name, row), -k)[-1]
                assert found.view(np.int32) == alone[k], (isa, x[k])


@each_function
def test_nothing_behind_the_end_is_written(name: str) -> None:
    x = np.linspace(-2, 2, 40, dtype=np.float32)
    number, constants = native.ops().index(name), CONSTANTS.get(name, (0.0, 0.0))
    for isa in ISAS:
        with running(isa):
            for n in (0, 1, 15, 16, 17, 33):
                y = np.full(40, 7, np.float32)
                native.module().elementwise(number, x.ctypes.data, y.ctypes.data, n, *constants)
                np.testing.assert_array_equal(y[n:], 7)
                np.testing.assert_array_equal(y[:n], computed(name, x)[:n] if name != "log" else y[:n])
