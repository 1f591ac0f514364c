"""Every law of a cell, broken once."""

from __future__ import annotations

from typing import Any

import pytest

from hiddenstate.cells import CELLS, Cell, Mask, Matrix, State, Vector
from hiddenstate.errors import InvalidArgument

H = (State("h"),)
STEP = "h = tanh(W x + R h')"

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no state": ({"equations": "h = tanh(W x)", "states": ()}, "expected at least one state"),
    "no successor": (
        {"states": (*H, State("c"))},
        "state 'c' has no successor; write an equation `c = ...`",
    ),
    "width of a state": (
        {"states": (State("h", width="P"),)},
        "state 'h' is declared with width P, its equation gives the width H",
    ),
    "a constant state": ({"equations": "h = 1"}, "its equation gives the width of a constant"),
    "empty domain": ({"states": (State("h", low=2, high=1),)}, "the domain of state 'h' is empty: [2, 1]"),
    "output": ({"output": "q"}, "the output 'q' is not computed; choose one of: h"),
    "width of a matrix": (
        {"matrices": (Matrix("W", "w", width="Q"),)},
        "unknown width 'Q'; choose one of: H, P",
    ),
    "width F": ({"states": (State("h", width="F"),)}, "unknown width 'F'"),
    "rate": (
        {"equations": f"{STEP} * keep", "masks": (Mask("keep", 1.0),)},
        "the mask 'keep' drops with probability 1.0; expected 0 <= rate < 1",
    ),
    "rate below 0": ({"equations": f"{STEP} * keep", "masks": (Mask("keep", -0.1),)}, "probability -0.1"),
    "rate nan": ({"equations": f"{STEP} * keep", "masks": (Mask("keep", float("nan")),)}, "probability nan"),
    "per": (
        {"equations": f"{STEP} * keep", "masks": (Mask("keep", 0.1, "batch"),)},
        "mask 'keep' is drawn per 'batch'; expected 'step' or 'sequence'",
    ),
    "two states": ({"states": (*H, *H)}, "the name 'h' is declared twice; every name stands for one thing"),
    "vector and mask": (
        {"equations": f"{STEP} * u", "vectors": (Vector("u"),), "masks": (Mask("u", 0.1),)},
        "the name 'u' is declared twice",
    ),
    "two parameters": (
        {"matrices": (Matrix("W", "weight"), Matrix("R", "weight"))},
        "the name 'weight' is declared twice",
    ),
    "a vector named as a matrix": (
        {"equations": f"{STEP} * weight_ih", "vectors": (Vector("weight_ih"),)},
        "the name 'weight_ih' is declared twice",
    ),
    "two widths in one matrix": (
        {"equations": "h = tanh(W x + W_b h')"},
        "W multiplies vectors of widths F and H; use two",
    ),
    "two operands of one block": (
        {"equations": "s = R h'\nh = tanh(W x + R s)"},
        "R multiplies two different vectors; give each its own matrix",
    ),
    "mixed widths": (
        {"equations": "y = V h'\nh = tanh(W x + y)"},
        "W x + y mixes widths H and P; a matrix brings a vector to another width",
    ),
    "no input": ({"equations": "h = tanh(R h')"}, "no matrix reads the input; write W x where it comes in"),
    "the bare input": (
        {"equations": "s = x * x\nh = tanh(W x + Q s)"},
        "only a matrix may read the input x, as in W x; came x * x",
    ),
    "the input renamed": (
        {"equations": "s = x\nh = tanh(W s + W_b x)"},
        "s is the input itself; write x where s",
    ),
    "norm of the input": ({"equations": "h = tanh(W x + Q norm(x))"}, "only a matrix may read the input x"),
    "a state that stands still": (
        {"equations": f"{STEP}\nc = u", "states": (*H, State("c")), "vectors": (Vector("u"),)},
        "'c' depends neither on the input nor on a previous state",
    ),
    "never used": ({"equations": f"g = W x\n{STEP}"}, "'g' is computed and never used; remove it or use it"),
    "vector never used": ({"vectors": (Vector("u"),)}, "the vector 'u' is declared and never used"),
    "mask never used": ({"masks": (Mask("keep", 0.5),)}, "the mask 'keep' is declared and never used"),
    "matrix never used": ({"matrices": (Matrix("Q", "q"),)}, "the matrix 'Q' is declared and never used"),
    "order": (
        {"equations": "g = W_a x\nh = tanh(W_b x) * g", "orders": {"onnx": "a c"}},
        "the order for onnx is 'a c'; expected an order of a b",
    ),
    "activation's slot": (
        {"activations": {"q": "relu"}},
        "mine has no activation named 'q'; choose one of: h",
    ),
    "activation": ({"activations": {"h": "rely"}}, "unknown activation 'rely': did you mean 'relu'?"),
    "too many constants": ({"equations": "h = tanh(W x, 2)"}, "tanh() takes one value, came 2"),
    "far too many": ({"equations": "h = elu(W x, 1, 2)"}, "elu() takes 2 values at most, came 3"),
}


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_is_named(law: str) -> None:
    changes, message = BROKEN[law]
    with pytest.raises(InvalidArgument) as caught:
        Cell(**{"name": "mine", "equations": STEP, "states": H, **changes})
    assert message in str(caught.value)
    assert "mine" in str(caught.value) or law in ("activation", "too many constants", "far too many")


def test_every_cell_of_the_table_holds_them() -> None:
    assert len(CELLS) == 17
    assert all(name == cell.name for name, cell in CELLS.items())
    assert Cell("mine", STEP, H).parameter_count(F=100, H=10) == 1120


def test_a_matrix_of_ones_own_letter_has_a_weight_and_a_bias() -> None:
    cell = Cell("mine", "s = tanh(W x)\nh = tanh(Q s + h')", H)
    assert cell.parameter_shapes(F=3, H=2) == {
        "weight_ih": (2, 3), "weight_q": (2, 2), "bias_ih": (2,), "bias_q": (2,),
    }  # fmt: skip
