"""The reference evaluation against judges that share no code with it: torch.nn and onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cell_cases import B, Case, F, H, P, T, drawn
from hiddenstate.cells import CELLS, Cell, Mask, State
from hiddenstate.derive.reference import Recurrence, Unrolled, first_states, torch_arrays, unroll
from hiddenstate.errors import InvalidArgument


def run(case: Case, **options) -> Unrolled:
    return unroll(Recurrence(case.cell, case.parameters), case.x, case.states, **options)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "lstm_projected"])
def test_torch_nn_computes_the_same(name: str) -> None:
    """Law 6 in float64, parameters given by name: the stacking is torch's."""
    case = drawn(CELLS[name])
    kinds = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU}
    projected = {"proj_size": P} if name == "lstm_projected" else {}
    judge = kinds.get(name, torch.nn.LSTM)(F, H, dtype=torch.float64, **projected)
    judge.load_state_dict({f"{key}_l0": torch.from_numpy(value) for key, value in case.parameters.items()})
    first = tuple(torch.from_numpy(state)[None] for state in case.states)
    with torch.no_grad():
        output, last = judge(torch.from_numpy(case.x), first if len(first) > 1 else first[0])
    ours = run(case)
    np.testing.assert_allclose(ours.output, output.numpy(), rtol=1e-12, atol=1e-14)
    for state, expected in zip(ours.states, last if isinstance(last, tuple) else (last,), strict=True):
        np.testing.assert_allclose(state, expected[0].numpy(), rtol=1e-12, atol=1e-14)


def evaluate_in_onnx(case: Case, kind: str, **attributes) -> list[np.ndarray]:
    """Evaluate one recurrent node of ONNX with the blocks of each stack in ONNX's order."""
    cell = case.cell

    def reordered(key: str, letter: str) -> np.ndarray:
        order = cell.block_order("onnx", letter) if "onnx" in cell.orders else (0,)
        blocks = np.split(case.parameters[key], len(order))
        return np.concatenate([blocks[k] for k in order]).astype(np.float32)

    values = {
        "X": case.x.astype(np.float32),
        "W": reordered("weight_ih", "W")[None],
        "R": reordered("weight_hh", "R")[None],
        "B": np.concatenate([reordered("bias_ih", "W"), reordered("bias_hh", "R")])[None],
        "initial_h": case.states[0].astype(np.float32)[None],
    }
    inputs = ["X", "W", "R", "B", "", "initial_h"]
    if kind == "LSTM":
        values["initial_c"] = case.states[1].astype(np.float32)[None]
        inputs.append("initial_c")
    if "p_i" in case.parameters:
        peepholes = [case.parameters[name] for name in ("p_i", "p_o", "p_f")]
        values["P"] = np.concatenate(peepholes).astype(np.float32)[None]
        inputs.append("P")
    outputs = ["Y", "Y_h", "Y_c"][: 3 if kind == "LSTM" else 2]
    made = onnx.helper.make_node(kind, inputs, outputs, hidden_size=H, **attributes)
    number = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [made],
        "one_layer",
        [onnx.helper.make_tensor_value_info(name, number, value.shape) for name, value in values.items()],
        [
            onnx.helper.make_tensor_value_info(name, number, [None] * (4 if name == "Y" else 3))
            for name in outputs
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, values)


NODES = {
    "rnn": ("rnn", "RNN", {}),
    "rnn relu": ("rnn", "RNN", {"activations": ["Relu"]}),
    "lstm": ("lstm", "LSTM", {}),
    "lstm_peephole": ("lstm_peephole", "LSTM", {}),
    "gru": ("gru", "GRU", {"linear_before_reset": 1}),
    "gru_before": ("gru_before", "GRU", {"linear_before_reset": 0}),
}


@pytest.mark.parametrize("judged", NODES)
def test_onnxruntime_computes_the_same(judged: str) -> None:
    name, kind, attributes = NODES[judged]
    case = drawn(CELLS[name].with_activations("relu" if "relu" in judged else None))
    ours, (output, *states) = run(case), evaluate_in_onnx(case, kind, **attributes)
    np.testing.assert_allclose(output[:, 0], ours.output, rtol=1e-5, atol=2e-6)
    for state, expected in zip(states, ours.states, strict=True):
        np.testing.assert_allclose(state[0], expected, rtol=1e-5, atol=2e-6)


def test_the_block_order_matters() -> None:
    """Without the permutation the numbers are others, so the test above sees a wrong order."""
    case = drawn(CELLS["lstm"])
    same = case.cell.replace(orders={"onnx": "i f g o"})
    wrong = evaluate_in_onnx(Case(same, case.parameters, case.x, case.states, {}), "LSTM")[0]
    assert np.abs(wrong[:, 0] - run(case).output).max() > 0.05


# what ONNX calls the functions of our table, with the parameters it takes
@pytest.mark.parametrize(
    "written",
    ["relu", "leaky_relu(0.2)", "elu(0.7)", "softplus", "softsign", "hard_sigmoid(0.2, 0.5)", "sigmoid",
     "affine(0.5, 0.1)", "thresholded_relu(0.3)", "scaled_tanh(1.7, 0.6)"],
)  # fmt: skip
def test_activations_of_onnx_are_ours(written: str) -> None:
    from hiddenstate.cells import FUNCTIONS

    case = drawn(CELLS["rnn"].with_activations(written))
    call = dict(case.cell.assignments)["h"]
    given = dict(zip(FUNCTIONS[call.name].parameters, (arg.value for arg in call.args[1:]), strict=True))
    attributes = {f"activation_{key}": [value] for key, value in given.items()}
    output = evaluate_in_onnx(case, "RNN", activations=[FUNCTIONS[call.name].onnx], **attributes)[0]
    np.testing.assert_allclose(output[:, 0], run(case).output, rtol=2e-5, atol=5e-6)


def test_kept_values_are_those_of_the_equations() -> None:
    case = drawn(CELLS["lstm"])
    kept = run(case, keep=("i", "f", "g", "o", "c", "h")).kept
    before = np.concatenate([case.states[1][None], kept["c"][:-1]])
    np.testing.assert_allclose(kept["c"], kept["f"] * before + kept["i"] * kept["g"], rtol=1e-14)
    np.testing.assert_allclose(kept["h"], kept["o"] * np.tanh(kept["c"]), rtol=1e-14)
    np.testing.assert_array_equal(kept["h"], run(case).output)
    assert all(kept[gate].shape == (T, B, H) for gate in "ifgo")
    empty = run(drawn(CELLS["lstm"], steps=0), keep=("f",)).kept
    assert empty["f"].shape == (0, B, H)


def test_an_unknown_value_cannot_be_kept() -> None:
    for steps in (0, T):
        with pytest.raises(
            InvalidArgument, match="lstm computes no 'forget' to keep; choose one of: c, f, g"
        ):
            run(drawn(CELLS["lstm"], steps=steps), keep=("forget",))


def test_masks_drawn_for_each_step_belong_to_the_steps_of_x() -> None:
    """Backwards with lengths, each sequence's step t still takes the mask of its own step t."""
    cell = Cell("gated", "h = keep * h' + W x", (State("h"),), masks=(Mask("keep", 0.5),))
    case = drawn(cell, steps=3, batch=2)
    masks, lengths = case.step_masks, np.array([3, 2])
    recurrence = Recurrence(cell, case.parameters, {"keep": None})
    together = unroll(recurrence, case.x, case.states, lengths=lengths, reverse=True, step_masks=masks)
    for b, length in enumerate(lengths):
        alone = unroll(
            recurrence,
            case.x[:length, b : b + 1],
            [state[b : b + 1] for state in case.states],
            reverse=True,
            step_masks={"keep": masks["keep"][:length, b : b + 1]},
        )
        np.testing.assert_allclose(together.output[:length, b : b + 1], alone.output, rtol=1e-14)


def test_a_mask_that_selects_reads_as_its_mean_in_torch_as_in_numpy() -> None:
    cell = Cell(
        "held", "n = tanh(W x + R h')\nh = select(move, n, h')", (State("h"),), masks=(Mask("move", 0.3),)
    )
    case = drawn(cell)
    values = {name: torch.from_numpy(value) for name, value in case.parameters.items()}
    torchs = unroll(
        Recurrence(cell, values, None, torch_arrays()),
        torch.from_numpy(case.x),
        [torch.from_numpy(state) for state in case.states],
    )
    np.testing.assert_allclose(torchs.output.numpy(), run(case).output, rtol=1e-13)


def test_first_states_are_the_declared_ones() -> None:
    x = np.zeros((T, B, F), np.float32)
    h, c, n, m = first_states(CELLS["slstm"], x, H, P)
    assert h.dtype == np.float32
    np.testing.assert_array_equal(np.stack([h, c, n]), 0)
    np.testing.assert_array_equal(m, -np.inf)
    assert first_states(CELLS["lstm_projected"], x, H, P)[0].shape == (B, P)


@pytest.mark.parametrize("name", CELLS)
def test_float32_in_torch_stays_near_the_truth(name: str) -> None:
    case = drawn(CELLS[name])
    values = {key: torch.from_numpy(value).float() for key, value in case.parameters.items()}
    states = [torch.from_numpy(state).float() for state in case.states]
    ours = unroll(
        Recurrence(case.cell, values, None, torch_arrays()), torch.from_numpy(case.x).float(), states
    )
    assert ours.output.dtype == torch.float32
    np.testing.assert_allclose(ours.output.numpy(), run(case).output, rtol=2e-5, atol=5e-6)
