"""A view's numbers are the same as arrays, as JSON, as CSV and in its page."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hiddenstate import lens
from hiddenstate.errors import InvalidArgument
from hiddenstate.lens import Named, View


def one(values: object, unit: str = "", **labels: object) -> Named:
    return Named(np.asarray(values), tuple(labels), labels, unit)


def test_what_a_named_array_holds() -> None:
    named = one([[1.0, 2.0], [3.0, 4.0]], "share", step=range(2), input=np.array(["a", "b"]))
    assert named.labels == {"step": (0, 1), "input": ("a", "b")}
    assert named.as_dict() == {
        "axes": ["step", "input"],
        "labels": {"step": [0, 1], "input": ["a", "b"]},
        "unit": "share",
        "values": [[1.0, 2.0], [3.0, 4.0]],
    }
    with pytest.raises(ValueError, match="read-only"):
        named.values[0, 0] = 9.0


def test_what_is_printed_of_it_is_short() -> None:
    named = one(np.zeros((2, 3)), "share", step=range(2), input=range(3))
    assert repr(named) == "Named(step 2, input 3; share)"
    assert repr(View("Memory", {"x": named})) == (
        "View(title='Memory', arrays={'x': Named(step 2, input 3; share)}, facts={}, reading=())"
    )


def test_a_notebook_shows_its_picture() -> None:
    shown = View("t", {"x": one([1.0, 2.0], step=range(2))})._repr_png_()
    assert shown is not None
    assert shown.startswith(b"\x89PNG")


def test_making_it_leaves_the_array_as_it_was() -> None:
    mine = np.ones(2)
    Named(mine, ("step",), {"step": (1, 2)})
    mine[0] = 3.0


@pytest.mark.parametrize(
    ("values", "axes", "labels", "expected"),
    [
        (np.ones((2, 3)), ("a",), {"a": (1, 2)}, r"each of the 2 axes of \[2, 3\], came \['a'\]"),
        (np.ones((2, 2)), ("a", "a"), {"a": (1, 2)}, r"came \['a', 'a'\]"),
        (np.ones(2), ("a",), {}, r"labels for the axes \['a'\], came labels for \[\]"),
        (np.ones(2), ("a",), {"a": (1, 2), "b": (1,)}, r"came labels for \['a', 'b'\]"),
        (np.ones(2), ("a",), {"a": (1,)}, "axis 'a' has 2 places and 1 labels"),
        (np.ones(1), ("a",), {"a": (None,)}, "a label is a text or a finite number; came None"),
        (np.ones(1), ("a",), {"a": (math.nan,)}, "came nan"),
        (np.array(["x"]), ("a",), {"a": (1,)}, "real numbers; came <U1"),
        (np.array([1j]), ("a",), {"a": (1,)}, "real numbers; came complex128"),
    ],
)
def test_what_does_not_fit_is_told(values: np.ndarray, axes: tuple, labels: dict, expected: str) -> None:
    with pytest.raises(InvalidArgument, match=expected):
        Named(values, axes, labels)


def test_what_is_no_number_is_null_and_counted() -> None:
    shown = one([1.0, math.nan, math.inf], step=range(3)).as_dict()
    assert (shown["values"], shown["not_finite"]) == ([1.0, None, None], 2)
    assert "not_finite" not in one([1.0], step=[1]).as_dict()


def test_facts_are_plain_and_keep_their_keys() -> None:
    view = View(
        "t", {}, {"norm": np.float32(0.5), "n": np.int64(3), "bad": math.nan, "by": {1: [np.bool_(True)]}}
    )
    assert view.facts == {"norm": 0.5, "n": 3, "bad": None, "by": {"1": [True]}}
    assert view.as_dict() == {"view": "view", "title": "t", **view.facts, "reading": [], "arrays": {}}
    with pytest.raises(InvalidArgument, match="'title' is a key of every view"):
        View("t", {}, {"title": "other"})
    with pytest.raises(InvalidArgument, match="a fact is a number"):
        View("t", {}, {"x": object()})


FLOATS = arrays.arrays(
    st.sampled_from([np.float64, np.float32]),
    arrays.array_shapes(min_dims=0, max_dims=3, max_side=4),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
)
TOKENS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(FLOATS, st.data())
def test_csv_and_json_give_the_arrays_back(values: np.ndarray, data: st.DataObject) -> None:
    axes = ("layer", "step", "input")[: values.ndim]
    labels = {
        axis: data.draw(st.lists(TOKENS, min_size=size, max_size=size))
        for axis, size in zip(axes, values.shape, strict=True)
    }
    view = View("t", {"x": Named(values, axes, labels, "share"), "y": one([1, 2], step=["p", "q"])})
    rows = list(csv.reader(io.StringIO(view.csv(), newline="")))
    columns = [name for name in rows[0] if not name.endswith("_place")]
    assert columns == ["array", *dict.fromkeys([*axes, "step"]), "value", "measured_in"]
    numbered = {axis for axis in axes if len(set(labels[axis])) < len(labels[axis])}
    assert {name.removesuffix("_place") for name in rows[0] if name not in columns} == numbered
    assert len({tuple(row[:-2]) for row in rows}) == len(rows), "no two rows are named the same"
    of_x = [row for row in rows[1:] if row[0] == "x"]
    read = np.array([float(row[-2]) for row in of_x], values.dtype).reshape(values.shape)
    np.testing.assert_array_equal(read, values)
    for axis, place in ((axis, rows[0].index(axis)) for axis in axes):
        at = axes.index(axis)
        expected = [labels[axis][where[at]] for where in np.ndindex(values.shape)]
        assert [row[place] for row in of_x] == expected
    assert [row[-2] for row in rows[1:] if row[0] == "y"] == ["1", "2"]
    back = json.loads(json.dumps(view.as_dict(), allow_nan=False))["arrays"]["x"]
    whole = np.where(np.isfinite(values), values, np.nan)
    np.testing.assert_array_equal(np.array(back["values"], float).astype(values.dtype), whole)
    assert back["labels"] == labels


def test_each_row_of_csv_is_told_apart() -> None:
    ticks = {"unit": [7], "input": ["my", "cat", "my"]}
    twice = Named(np.array([[1.0, 2.0, 3.0]]), ("unit", "input"), ticks, "share")
    rows = list(csv.DictReader(io.StringIO(View("t", {"x": twice}).csv(), newline="")))
    assert rows[0] == {
        "array": "x", "unit": "7", "input": "my", "input_place": "1", "value": "1.0", "measured_in": "share"
    }  # fmt: skip
    assert [(row["input"], row["input_place"]) for row in rows] == [("my", "1"), ("cat", "2"), ("my", "3")]
    for axis in ("value", "measured_in", "input_place"):
        with pytest.raises(InvalidArgument, match=f"'{axis}' is a column of every CSV"):
            one([1.0], **{axis: [1]})


def test_a_view_that_does_not_draw_itself_is_drawn_plainly() -> None:
    curve, shades = one([1.0, 3.0], "share", layer=["a", "b"]), one(np.eye(3), step=range(3), input=range(3))
    figure = View("Two arrays", {"first": curve, "second": shades}).plot()
    above, below = figure.axes[:2]
    assert figure.get_suptitle() == "Two arrays"
    assert [above.get_title("left"), above.get_ylabel(), below.get_xlabel()] == ["first", "share", "input"]
    assert above.lines[0].get_ydata().tolist() == [1.0, 3.0]
    assert below.collections[0].get_array().tolist() == np.eye(3).tolist()
    assert View("t", {}).plot().axes[0].texts[0].get_text() == "There are no numbers."


def test_names_are_imported_when_asked_for() -> None:
    assert set(lens.__all__) <= set(dir(lens))
    with pytest.raises(AttributeError, match="has no name 'Vieuw'; did you mean 'View'"):
        _ = lens.Vieuw
