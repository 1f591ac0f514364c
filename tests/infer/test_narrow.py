"""Weights in few bits: how near they stay, that they stay themselves, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hiddenstate.errors import InvalidArgument, RunError
from hiddenstate.infer import narrow, widen

MATRICES = arrays(
    np.float32,
    st.tuples(st.integers(2, 6), st.integers(5, 13)),
    elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False),
)


@given(MATRICES, st.booleans())
def test_no_weight_moves_more_than_half_a_step(matrix: np.ndarray, table: bool) -> None:
    kept = narrow({"m": matrix}, ["m"] if table else [])
    back = widen(kept, {"m": matrix.shape}, "here")["m"]
    step = np.abs(matrix).max(1, keepdims=True).astype(np.float64) / (7 if table else 127)
    assert (np.abs(back.astype(np.float64) - matrix) <= step * 0.5005).all()
    again = narrow({"m": back}, ["m"] if table else [])
    assert kept.keys() == again.keys()
    for name, array in kept.items():
        assert array.tobytes() == again[name].tobytes()


def test_by_hand() -> None:
    matrix = np.array([[7.0, -3.4, 0.0, 1.0, 2.0], [0.5, 0.2, -0.5, 0.0, 0.0]], np.float32)
    kept = narrow({"m": matrix, "v": np.array([0.1, 70000.0 / 2])}, ["m"])
    assert kept["m.int4"].tolist() == [[7 | (-3 & 15) << 4, 1 << 4, 2], [7 | 3 << 4, -7 & 15, 0]]
    assert kept["m.scale"][0] == 1.0
    assert kept["v"].tolist() == [np.float16(0.1), np.float16(35000.0)]
    back = widen(kept, {"m": (2, 5), "v": (2,)}, "here")
    assert back["m"][0].tolist() == [7.0, -3.0, 0.0, 1.0, 2.0]
    assert {array.dtype for array in back.values()} == {np.dtype(np.float32)}


def test_what_would_be_no_smaller_stays_in_half_precision() -> None:
    kept = narrow({"row": np.ones((1, 5)), "number": np.array(1.5), "thin": np.ones((9, 4))})
    assert kept.keys() == {"row", "number", "thin"}
    assert {array.dtype for array in kept.values()} == {np.dtype(np.float16)}


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="m holds a weight that is not finite"):
        narrow({"m": np.full((2, 5), np.nan)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"m.scale": None}, r"'m' should be \[3, 5\]"),
        ({"m.scale": np.ones(2, np.float32)}, "'m' should be"),
        ({"m.int8": np.ones((3, 6), np.int8)}, "'m' should be"),
        ({"m.int8": np.ones((3, 5), np.uint8)}, "'m' should be"),
        ({"m.int8": None}, "'m' should be"),
        ({"more": np.ones(1)}, "more came too"),
        ({"m": np.ones((3, 5))}, "m came too"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, np.ndarray | None], words: str) -> None:
    kept = {**narrow({"m": np.ones((3, 5))}), **change}
    with pytest.raises(RunError, match=words):
        widen({name: array for name, array in kept.items() if array is not None}, {"m": (3, 5)}, "here")
