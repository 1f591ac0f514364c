"""What ONNX's recurrent operators do not know is refused: what was expected, what came, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import InvalidArgument
from hiddenstate.export import run_onnx_node
from hiddenstate.export.onnx_attributes import OPERATORS, read

X, W, R = np.zeros((5, 3, 2), "f4"), np.zeros((1, 16, 2), "f4"), np.zeros((1, 16, 4), "f4")
INPUTS = {"X": X, "W": W, "R": R}


@pytest.mark.parametrize("op", [None, "lstm", "Gru", "Conv"])
def test_operators(op: Any) -> None:
    with pytest.raises(
        InvalidArgument, match=r"recurrent operator of ONNX, came .*; (did you mean|choose one)"
    ):
        run_onnx_node(op, INPUTS)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"activation": ["Tanh"]}, "LSTM has no attribute 'activation'; did you mean 'activations'"),
        ({"linear_before_reset": 1}, "LSTM has no attribute 'linear_before_reset'"),
        ({"direction": "backward"}, "a direction of LSTM, came 'backward'; choose one of: bidirectional"),
        ({"direction": ["forward"]}, "a direction of LSTM, came"),
        ({"hidden_size": 0}, "hidden_size of LSTM to be a positive whole number, came 0"),
        ({"hidden_size": 4.0}, "hidden_size of LSTM to be a positive whole number, came 4.0"),
        ({"clip": 0.0}, "clip of LSTM to be a positive number, came 0.0; leave it out not to clip"),
        ({"clip": float("nan")}, "clip of LSTM to be a positive number, came nan"),
        ({"clip": "3"}, "clip of LSTM to be a positive number, came '3'"),
        ({"layout": 2}, "layout of LSTM to be 0 or 1, came 2"),
        ({"input_forget": 0.5}, "input_forget of LSTM to be 0 or 1, came 0.5"),
        ({"activations": "Tanh"}, "activations of LSTM as a list, came 'Tanh'"),
        ({"activations": ["Sigmoid", "Tanh"]}, r"3 activations of LSTM \(3 for each direction\), came 2"),
        ({"activations": ["Sigmoid", "Tan", "Tanh"]}, "no activation 'Tan'; did you mean 'Tanh'"),
        ({"activations": ["Sigmoid", "Gelu", "Tanh"]}, "no activation 'Gelu'"),
        ({"activations": ["Sigmoid", None, "Tanh"]}, "no activation None"),
        (
            {"activations": ["Sigmoid", "Affine", "Tanh"]},
            "Affine has no default alpha in ONNX; add activation_",
        ),
        ({"activation_alpha": [0.5]}, "activation_alpha of LSTM has 1 more than Sigmoid, Tanh, Tanh take"),
        ({"activation_beta": 0.5}, "activation_beta of LSTM as a list, came 0.5"),
        ({"activation_alpha": [float("inf")]}, "numbers in activation_alpha of LSTM, came inf"),
        ({"activation_alpha": ["0.5"]}, "numbers in activation_alpha of LSTM, came '0.5'"),
    ],
)
def test_attributes(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        run_onnx_node("LSTM", INPUTS, attributes)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Z": X}, "LSTM has no input 'Z'"),
        ({"X": X[0]}, r"an input X of LSTM with three axes, came \[3, 2\]"),
        ({"X": X.astype("f2")}, r"in float32 or float64, came X in float16; use X.astype\(np.float32\)"),
        (
            {"W": W.astype("f8")},
            r"input W of LSTM in float32 as X is, came float64; use W.astype\(np.float32\)",
        ),
        (
            {"W": W[:, :12]},
            r"W of LSTM of shape \[1, 16, 2\] \(num_directions, 4 x hidden_size, input_size\), c",
        ),
        ({"R": R[..., :0]}, "R of LSTM with a hidden unit at least"),
        (
            {"B": np.zeros((1, 16), "f4")},
            r"input B of LSTM of shape \[1, 32\] .*, came \[1, 16\]; X is \[5, 3,",
        ),
        ({"P": np.zeros((1, 16), "f4")}, r"input P of LSTM of shape \[1, 12\]"),
        ({"initial_c": np.zeros((3, 1, 4), "f4")}, r"initial_c of LSTM of shape \[1, 3, 4\] .*, layout=0"),
        (
            {"sequence_lens": np.zeros(2, "i4")},
            r"sequence_lens of LSTM of shape \[3\] \(batch_size\), came \[2\]",
        ),
        ({"sequence_lens": np.zeros(3, "f4")}, "sequence_lens of LSTM as whole numbers, came float32"),
        (
            {"sequence_lens": [6, 1, 1]},
            r"sequence_lens of LSTM between 0 and the 5 steps of X, came \[6, 1, 1\]",
        ),
        ({"sequence_lens": [-1, 1, 1]}, r"between 0 and the 5 steps of X, came \[-1, 1, 1\]"),
    ],
)
def test_inputs(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        run_onnx_node("LSTM", {**INPUTS, **changed})


def test_shapes_are_told_in_the_callers_layout() -> None:
    wrong = {**INPUTS, "initial_h": np.zeros((1, 5, 4), "f4")}
    with pytest.raises(
        InvalidArgument, match=r"initial_h of LSTM of shape \[5, 1, 4\] \(batch_size, num_dir"
    ):
        run_onnx_node("LSTM", wrong, {"layout": 1})


def test_what_has_to_be_there_and_must_fit() -> None:
    with pytest.raises(InvalidArgument, match="an input R of LSTM with three axes, came none"):
        run_onnx_node("LSTM", {"X": X, "W": W})
    with pytest.raises(InvalidArgument, match=r"W of LSTM of shape \[2, 16, 2\] .*direction='bidirectional'"):
        run_onnx_node("LSTM", INPUTS, {"direction": "bidirectional"})
    with pytest.raises(InvalidArgument, match=r"W of LSTM of shape \[1, 20, 2\] .*hidden_size=5"):
        run_onnx_node("LSTM", INPUTS, {"hidden_size": 5})


def test_the_activations_are_onnxs_eleven() -> None:
    with pytest.raises(InvalidArgument) as caught:
        read("RNN", {"activations": ["????"]})
    known = "Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid, Softplus, Softsign, Tanh, Thresh"
    assert f"choose one of: {known}oldedRelu" in str(caught.value)


def test_the_attributes_are_those_of_onnxs_schemas() -> None:
    import onnx

    for name, operator in OPERATORS.items():
        schema = onnx.defs.get_schema(name)
        assert sorted(operator.attributes) == sorted(schema.attributes)
        assert list(operator.inputs) == [each.name for each in schema.inputs]
        assert read(name, {}).direction == "forward"
