"""Layer normalisation, recurrent dropout, zoneout, clipping and coupled gates as changes of the equations."""

from __future__ import annotations

import numpy as np
import pytest

from cell_cases import WITHOUT_RECURRENT_PRODUCT, drawn
from hiddenstate.cells import (
    CELLS,
    Cell,
    Mask,
    State,
    clipped,
    coupled,
    layer_norm,
    recurrent_dropout,
    zoneout,
)
from hiddenstate.derive.reference import Recurrence, unroll
from hiddenstate.errors import InvalidArgument

H = (State("h"),)


def lines(cell: Cell) -> list[str]:
    return [line.strip() for line in cell.equations.strip().splitlines()]


def test_layer_norm_normalises_each_product() -> None:
    assert lines(layer_norm(CELLS["gru"]))[2:] == [
        "n = tanh(norm(W_n x) + r * (norm(R_n h')))",
        "h = (1 - z) * n + z * h'",
    ]
    assert "h = P q" in lines(layer_norm(CELLS["lstm_projected"]))  # what gives P units is left alone


@pytest.mark.parametrize("equation", ["norm(W x) + norm(R h')", "norm(W x + R h')", "norm( W x + R h' )"])
def test_layer_norm_leaves_what_is_normalised(equation: str) -> None:
    cell = Cell("mine", f"h = tanh({equation})", H)
    assert layer_norm(cell) == cell
    assert layer_norm(layer_norm(CELLS["lstm"])) == layer_norm(CELLS["lstm"])


def test_layer_norm_refuses_what_it_cannot_write() -> None:
    for inside in ("R (h' * (1 - h'))", "R tanh(h')", "Q R h'"):
        with pytest.raises(InvalidArgument, match=r"cannot normalise .*; give what [RQ] multiplies a name"):
            layer_norm(Cell("mine", f"h = tanh(W x + {inside})", H))
    named = layer_norm(Cell("mine", "s = tanh(h')\nh = tanh(W x + R s)", H))
    assert lines(named)[1] == "h = tanh(norm(W x) + norm(R s))"
    assert "norm(R (h' * 2))" in lines(layer_norm(Cell("mine", "h = tanh(W x + R (h' * 2))", H)))[0]


def test_a_normalised_gate_has_mean_0_and_variance_1() -> None:
    case = drawn(layer_norm(CELLS["rnn"].with_activations("identity")))
    parameters = {**case.parameters, "gain_R": np.zeros(5), "shift_R": np.zeros(5)}
    parameters.update(gain_W=np.ones(5), shift_W=np.zeros(5))
    run = unroll(Recurrence(case.cell, parameters), case.x, case.states)
    np.testing.assert_allclose(run.output.mean(-1), 0, atol=1e-14)
    np.testing.assert_allclose(run.output.var(-1), 1, rtol=1e-3)


def test_recurrent_dropout_drops_what_the_matrices_read() -> None:
    cell = recurrent_dropout(CELLS["lstm"], 0.25)
    assert cell.masks == (Mask("keep_h", 0.25, "sequence", True),)
    assert lines(cell)[:2] == ["dropped_h = keep_h * h'", "i = sigmoid(W_i x + R_i dropped_h)"]
    assert "c = f * c' + i * g" in lines(cell)
    projected = recurrent_dropout(CELLS["lstm_projected"], 0.25)
    assert projected.masks[0].width == "P"


@pytest.mark.parametrize("name", sorted(WITHOUT_RECURRENT_PRODUCT))
def test_recurrent_dropout_says_where_there_is_nothing_to_drop(name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"and in {name} none does; use dropout between layers"):
        recurrent_dropout(CELLS[name], 0.5)


def test_dropout_of_nothing_and_a_dropped_state() -> None:
    case = drawn(recurrent_dropout(CELLS["rnn"], 0.5))
    ones = unroll(Recurrence(case.cell, case.parameters, {"keep_h": np.ones((3, 5))}), case.x, case.states)
    plain = unroll(Recurrence(CELLS["rnn"], case.parameters), case.x, case.states)
    np.testing.assert_array_equal(ones.output, plain.output)
    nothing = unroll(
        Recurrence(case.cell, case.parameters, {"keep_h": np.zeros((3, 5))}), case.x, case.states
    )
    p = case.parameters
    alone = np.tanh(case.x @ p["weight_ih"].T + p["bias_ih"] + p["bias_hh"])
    np.testing.assert_allclose(nothing.output, alone, rtol=1e-13)


def test_zoneout_holds_and_moves() -> None:
    cell = zoneout(CELLS["lstm"], 0.3)
    assert lines(cell)[-4:] == [
        "fresh_c = f * c' + i * g",
        "fresh_h = o * tanh(fresh_c)",
        "h = move_h * fresh_h + (1 - move_h) * h'",
        "c = move_c * fresh_c + (1 - move_c) * c'",
    ]
    case = drawn(cell)
    plain = unroll(Recurrence(CELLS["lstm"], case.parameters), case.x[:1], case.states)

    def run(move: float) -> list[np.ndarray]:
        masks = {name: np.full((1, 3, 5), move) for name in ("move_h", "move_c")}
        free = dict.fromkeys(masks)
        return unroll(
            Recurrence(cell, case.parameters, free), case.x[:1], case.states, step_masks=masks
        ).states

    for state, first, fresh in zip(run(0), case.states, plain.states, strict=True):
        np.testing.assert_array_equal(state, first)
        np.testing.assert_raises(AssertionError, np.testing.assert_array_equal, state, fresh)
    for state, fresh in zip(run(1), plain.states, strict=True):
        np.testing.assert_array_equal(state, fresh)
    mean = unroll(Recurrence(cell, case.parameters), case.x[:1], case.states).states
    for state, first, fresh in zip(mean, case.states, plain.states, strict=True):
        np.testing.assert_allclose(state, 0.7 * fresh + 0.3 * first, rtol=1e-13)


def test_zoneout_leaves_the_stabilised_states_of_the_slstm() -> None:
    assert [mask.name for mask in zoneout(CELLS["slstm"], 0.1).masks] == ["move_h"]


def test_the_readout_sees_the_fresh_value() -> None:
    assert "y = identity(V fresh_h)" in lines(zoneout(CELLS["elman_readout"], 0.1))


def test_chosen_activations_survive_every_change() -> None:
    cell = CELLS["lstm"].with_activations({"h": "relu", "g": "sin"})
    for change in (layer_norm, lambda c: zoneout(c, 0.1), lambda c: recurrent_dropout(c, 0.1)):
        calls = {name: repr(root) for name, root in change(cell).assignments}
        assert "relu(" in calls.get("fresh_h", calls["h"])
        assert calls["g"].startswith("sin(")


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan")])
def test_rates_are_checked(rate: float) -> None:
    for change in (zoneout, recurrent_dropout):
        with pytest.raises(InvalidArgument, match="drops with probability"):
            change(CELLS["gru"], rate)


def test_clipping_bounds_what_activations_read() -> None:
    assert lines(clipped(CELLS["gru_before"], 1))[2:] == [
        "s = r * h'",
        "n = tanh(max(-1.0, -max(-1.0, -(W_n x + R_n s))))",
        "h = (1 - z) * n + z * h'",
    ]
    assert lines(clipped(CELLS["lstm"], 1))[-1] == "h = o * tanh(c)"  # a state by itself is left alone
    nested = Cell("mine", "# tanh( of x\nh = tanh( relu (W x) + h') * 2", H)
    inner, outer = "max(-2.0, -max(-2.0, -(W x)))", "max(-2.0, -max(-2.0, -(relu ({}) + h')))"
    assert lines(clipped(nested, 2))[1] == f"h = tanh({outer.format(inner)}) * 2"
    constant = Cell("mine", "h = leaky_relu(W x + R h', 0.2)", H)
    assert lines(clipped(constant, 0.5)) == ["h = leaky_relu(max(-0.5, -max(-0.5, -(W x + R h'))), 0.2)"]


@pytest.mark.parametrize("bound", [1e-5, 0.3, 3.4e38])
def test_a_clipped_cell_computes_with_what_is_clipped(bound: float) -> None:
    case = drawn(clipped(CELLS["rnn"].with_activations("identity"), bound))
    plain = unroll(
        Recurrence(case.cell.replace(equations=CELLS["rnn"].equations), case.parameters),
        case.x[:1],
        case.states,
    )
    run = unroll(Recurrence(case.cell, case.parameters), case.x[:1], case.states)
    np.testing.assert_array_equal(run.output, np.clip(plain.output, -bound, bound))


def test_a_clip_lets_pass_what_is_not_a_number() -> None:
    case = drawn(clipped(CELLS["rnn"], 0.5))
    case.x[0, 0] = np.nan
    run = unroll(Recurrence(case.cell, case.parameters), case.x[:1], case.states)
    assert np.isnan(run.output[0, 0]).all()
    assert np.abs(run.output[0, 1:]).max() <= np.tanh(0.5)


@pytest.mark.parametrize("bound", [0, -1.0, float("inf"), float("nan"), "1", True, None])
def test_clipping_refuses_what_is_no_bound(bound: object) -> None:
    with pytest.raises(InvalidArgument, match="a bound to clip at, a positive number, came"):
        clipped(CELLS["rnn"], bound)


def test_coupled_gates_drop_what_only_the_forget_gate_read() -> None:
    cell = coupled(CELLS["lstm_peephole"].with_activations({"f": "relu", "g": "sin"}))
    assert lines(cell)[:2] == ["i = sigmoid(W_i x + R_i h' + p_i * c')", "f = 1 - i"]
    assert [vector.name for vector in cell.vectors] == ["p_i", "p_o"]
    assert (cell.orders["onnx"], dict(cell.activations)) == ("i o g", {"g": "sin"})
    case = drawn(coupled(CELLS["lstm"]))
    run = unroll(Recurrence(case.cell, case.parameters), case.x, case.states, keep=("i", "f", "g", "c"))
    np.testing.assert_array_equal(run.kept["f"], 1 - run.kept["i"])
    blended = (1 - run.kept["i"][1:]) * run.kept["c"][:-1] + run.kept["i"][1:] * run.kept["g"][1:]
    np.testing.assert_allclose(run.kept["c"][1:], blended, rtol=1e-14)


@pytest.mark.parametrize("name", ["gru", "cifg", "mgu"])
def test_coupling_refuses_cells_without_both_gates(name: str) -> None:
    with pytest.raises(
        InvalidArgument, match=f"an input gate i and then a forget gate f, came {name}, which"
    ):
        coupled(CELLS[name])
