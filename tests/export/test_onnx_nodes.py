"""ONNX's RNN, GRU and LSTM on our cells, judged by ONNX Runtime on models drawn here."""

from __future__ import annotations

import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from hiddenstate.export import run_onnx_node
from judges import onnx_runtime

# by each activation of ONNX, whether it takes alpha and beta
ACTIVATIONS = {
    "Affine": (True, True),
    "Elu": (True, False),
    "HardSigmoid": (True, True),
    "LeakyRelu": (True, False),
    "Relu": (False, False),
    "ScaledTanh": (True, True),
    "Sigmoid": (False, False),
    "Softplus": (False, False),
    "Softsign": (False, False),
    "Tanh": (False, False),
    "ThresholdedRelu": (True, False),
}
DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
T, B, F, H = 5, 3, 2, 4
CASES = os.environ.get("HIDDENSTATE_CONFORMANCE", "")


def tensors(op: str, random: np.random.Generator, directions: int = 1) -> dict[str, np.ndarray]:
    """Every input of an operator, drawn so that gates are at work and unbounded activations stay small."""
    D, G = directions, GATES[op]
    shapes = {"X": (T, B, F), "W": (D, G * H, F), "R": (D, G * H, H), "B": (D, 2 * G * H)}
    shapes["initial_h"] = (D, B, H)
    if op == "LSTM":
        shapes.update(initial_c=(D, B, H), P=(D, 3 * H))
    found = {name: (random.normal(size=shape) * 0.4).astype(np.float32) for name, shape in shapes.items()}
    found["X"] *= 2
    found["sequence_lens"] = np.array([T, 0, 2], np.int32)
    return found


def constants(names: list[str], random: np.random.Generator) -> dict[str, Any]:
    """The attributes that say these activations and give each constants of its own."""
    drawn = {"activation_alpha": (0, 0.3, 0.9), "activation_beta": (1, 0.2, 0.6)}
    found: dict[str, Any] = {"activations": names}
    for key, (place, low, high) in drawn.items():
        values = [float(np.float32(random.uniform(low, high))) for n in names if ACTIVATIONS[n][place]]
        if values:
            found[key] = values
    return found


def assert_agree(op: str, inputs: dict[str, np.ndarray], attributes: dict[str, Any]) -> None:
    ours = run_onnx_node(op, inputs, attributes)
    theirs = onnx_runtime.run(op, inputs, attributes)
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        assert (ours[name].shape, ours[name].dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("op", "place", "name"),
    [(op, k, name) for op in DEFAULTS for k, name in product(range(len(DEFAULTS[op])), ACTIVATIONS)],
)
def test_every_activation_in_every_place(op: str, place: int, name: str) -> None:
    random = np.random.default_rng(place)
    names = [*DEFAULTS[op][:place], name, *DEFAULTS[op][place + 1 :]]
    assert_agree(op, tensors(op, random), constants(names, random))


@pytest.mark.parametrize("op", DEFAULTS)
@pytest.mark.parametrize("seed", range(40))
def test_a_drawn_node(op: str, seed: int) -> None:
    """Directions, activations, constants, clip, couplings, and which inputs are there: all drawn."""
    random = np.random.default_rng([seed, GATES[op]])
    direction = str(random.choice(["forward", "reverse", "bidirectional"]))
    directions = 2 if direction == "bidirectional" else 1
    inputs = tensors(op, random, directions)
    for name in ("B", "sequence_lens", "initial_h", "initial_c", "P"):
        if random.random() < 0.4:
            inputs.pop(name, None)
    if "sequence_lens" in inputs:
        inputs["sequence_lens"] = random.integers(0, T + 1, B).astype(np.int32)
    attributes: dict[str, Any] = {"hidden_size": H, "direction": direction}
    if random.random() < 0.7:
        names = [str(name) for name in random.choice(list(ACTIVATIONS), len(DEFAULTS[op]) * directions)]
        attributes.update(constants(names, random))
    if random.random() < 0.5:
        attributes["clip"] = float(np.float32(random.uniform(0.2, 0.8)))
    flag = {"GRU": "linear_before_reset", "LSTM": "input_forget"}.get(op)
    if flag and random.random() < 0.5:
        attributes[flag] = 1
    assert_agree(op, inputs, attributes)


@pytest.mark.parametrize("op", DEFAULTS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_the_padding_is_never_read(op: str, direction: str) -> None:
    inputs = tensors(op, np.random.default_rng(7), 2 if direction == "bidirectional" else 1)
    expected = onnx_runtime.run(op, inputs, {"direction": direction, "hidden_size": H})
    for b, length in enumerate(inputs["sequence_lens"]):
        inputs["X"][length:, b] = np.nan
    for name, value in run_onnx_node(op, inputs, {"direction": direction}).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_defaults_of_constants_are_onnxs() -> None:
    """Of LeakyRelu 0.01, Elu 1, HardSigmoid 0.2 and 0.5: not our table's."""
    random = np.random.default_rng(3)
    for names in (["LeakyRelu", "Elu", "HardSigmoid"], ["HardSigmoid", "LeakyRelu", "Elu"]):
        assert_agree("LSTM", tensors("LSTM", random), {"activations": names, "hidden_size": H})


def test_threshold_is_one_where_none_is_given() -> None:
    """As ONNX's operator ThresholdedRelu has it; here ONNX Runtime takes zero."""
    ones = np.ones((1, 1, 1), np.float32)
    x = np.array([0.5, 1.5], np.float32).reshape(1, 2, 1)
    found = run_onnx_node("RNN", {"X": x, "W": ones, "R": ones}, {"activations": ["ThresholdedRelu"]})
    assert found["Y_h"].ravel().tolist() == [0.0, 1.5]


def test_activations_take_their_constants_in_order() -> None:
    inputs = tensors("LSTM", np.random.default_rng(1), 2)
    names = ["HardSigmoid", "Tanh", "LeakyRelu", "Sigmoid", "ScaledTanh", "Relu"]
    attributes = {"activations": names, "direction": "bidirectional", "hidden_size": H}
    attributes.update(activation_alpha=[0.3, 0.1, 1.5], activation_beta=[0.4, 0.7])
    assert_agree("LSTM", inputs, attributes)


@pytest.mark.parametrize("op", DEFAULTS)
def test_layout_1_has_the_batch_first(op: str) -> None:
    inputs = tensors(op, np.random.default_rng(2), 2)
    attributes = {"direction": "bidirectional", "hidden_size": H}
    expected = onnx_runtime.run(op, inputs, attributes)
    for name in {"X", "initial_h", "initial_c"} & set(inputs):
        inputs[name] = inputs[name].swapaxes(0, 1)
    found = run_onnx_node(op, inputs, {**attributes, "layout": 1})
    assert found["Y"].shape == (B, T, 2, H)
    np.testing.assert_allclose(found["Y"], expected["Y"].transpose(2, 0, 1, 3), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["Y_h"], expected["Y_h"].swapaxes(0, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", DEFAULTS)
def test_float64_is_computed_in_float64(op: str) -> None:
    inputs = tensors(op, np.random.default_rng(4))
    wide = {
        name: array.astype(np.float64) if name != "sequence_lens" else array for name, array in inputs.items()
    }
    narrow, found = run_onnx_node(op, inputs, {}), run_onnx_node(op, wide)
    for name, value in found.items():
        assert value.dtype == np.float64
        assert 0 < np.abs(value - narrow[name]).max() < 1e-6


def test_coupled_gates_never_read_the_weights_of_the_forget_gate() -> None:
    inputs = tensors("LSTM", np.random.default_rng(5))
    expected = onnx_runtime.run("LSTM", inputs, {"input_forget": 1, "hidden_size": H})
    rows = slice(2 * H, 3 * H)  # i, o, then f
    for name in ("W", "R", "P"):
        inputs[name][:, rows] = np.nan
    inputs["B"][:, rows] = inputs["B"][:, 6 * H : 7 * H] = np.nan
    found = run_onnx_node("LSTM", inputs, {"input_forget": 1})
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_what_is_not_a_number_passes_the_clip() -> None:
    ones = np.ones((1, 1, 1), np.float32)
    x = np.array([np.nan, np.inf, -np.inf], np.float32).reshape(1, 3, 1)
    found = run_onnx_node("RNN", {"X": x, "W": ones, "R": ones}, {"clip": 0.5})["Y_h"].ravel()
    np.testing.assert_allclose(found, [np.nan, np.tanh(0.5), -np.tanh(0.5)], rtol=1e-6)


def test_the_attributes_of_a_node_of_a_model() -> None:
    inputs = tensors("GRU", np.random.default_rng(6))
    attributes = {"direction": "reverse", "activations": ["sigmoid", "Relu"], "linear_before_reset": 1}
    made = onnx_runtime.node("GRU", inputs, {**attributes, "hidden_size": H, "clip": 0.5})
    read = {each.name: onnx.helper.get_attribute_value(each) for each in made.attribute}
    assert read["direction"] == b"reverse"
    expected = onnx_runtime.run("GRU", inputs, {**attributes, "hidden_size": H, "clip": 0.5})
    for name, value in run_onnx_node(made.op_type, inputs, read).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_no_steps_and_no_sequences() -> None:
    inputs = tensors("LSTM", np.random.default_rng(8))
    del inputs["sequence_lens"]
    found = run_onnx_node("LSTM", {**inputs, "X": inputs["X"][:0]})
    assert found["Y"].shape == (0, 1, B, H)
    assert found["Y_h"].tolist() == found["Y_c"].tolist() == np.zeros((1, B, H)).tolist()
    none = {"X": inputs["X"][:, :0], "W": inputs["W"], "R": inputs["R"]}
    assert run_onnx_node("LSTM", none)["Y"].shape == (T, 1, 0, H)


@pytest.mark.skipif(not CASES, reason="HIDDENSTATE_CONFORMANCE does not say where onnx_ort_cases.json lies")
def test_the_cases_of_onnx_runtimes_own_tests() -> None:
    cases = json.loads((Path(CASES) / "onnx_ort_cases.json").read_text(encoding="utf-8"))
    for case in cases["cases"]:
        arrays = {
            name: np.array(given["data"], np.int32 if name == "sequence_lens" else np.float32).reshape(
                given["shape"]
            )
            for name, given in case["inputs"].items()
        }
        found = run_onnx_node(case["op"], arrays, case["attributes"])
        measured = onnx_runtime.run(case["op"], arrays, case["attributes"])
        for name, given in case["outputs"].items():
            expected = np.array(given["data"]).reshape(given["shape"])
            label = f"{case['name']} {name}"
            np.testing.assert_allclose(found[name], expected, cases["rtol"], cases["atol"], err_msg=label)
            np.testing.assert_allclose(found[name], measured[name], 1e-5, 1e-6, err_msg=label)
    assert len(cases["cases"]) == 69
