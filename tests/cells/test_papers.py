"""Every cell computes what its paper says."""

from __future__ import annotations

import numpy as np
import pytest

from cell_cases import drawn
from hiddenstate.cells import CELLS
from hiddenstate.derive.reference import Recurrence, unroll
from judges.papers import STEPS


def test_every_cell_has_a_paper() -> None:
    assert set(STEPS) == set(CELLS)
    assert all(cell.paper and cell.title and cell.note.endswith(".") for cell in CELLS.values())


@pytest.mark.parametrize("name", STEPS)
def test_three_steps_are_those_of_the_paper(name: str) -> None:
    for seed in range(5):
        case = drawn(CELLS[name], seed, steps=3)
        run = unroll(Recurrence(case.cell, case.parameters), case.x, case.states)
        states = case.states
        for t in range(3):
            output, states = STEPS[name](case.x[t], states, case.parameters)
            np.testing.assert_allclose(run.output[t], output, rtol=1e-12, atol=1e-13)
        for ours, theirs in zip(run.states, states, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


# weights and biases of F=100 inputs, H=10 units, P=4; g gates have g (F H + H H) weights and 2 g H biases
COUNTS = {
    "rnn": 110 * 10 + 20,
    "elman_readout": 110 * 10 + 20 + 10 * 4 + 4,
    "jordan": 104 * 10 + 20 + 10 * 4 + 4,
    "lstm": 4 * (110 * 10 + 20),
    "lstm_peephole": 4 * (110 * 10 + 20) + 3 * 10,
    "cifg": 3 * (110 * 10 + 20),
    "lstm_projected": 4 * (104 * 10 + 20) + 10 * 4,
    "lstm_layer_norm": 4 * 110 * 10 + 8 * 2 * 10 + 2 * 10,
    "janet": 2 * (110 * 10 + 20),
    "slstm": 4 * (110 * 10 + 20),
    "gru": 3 * (110 * 10 + 20),
    "gru_before": 3 * (110 * 10 + 20),
    "mgu": 2 * (110 * 10 + 20),
    "ugrnn": 2 * (110 * 10 + 20),
    "mingru": 2 * (100 * 10 + 10),
    "minlstm": 3 * (100 * 10 + 10),
    "indrnn": 100 * 10 + 10 + 10,
}


@pytest.mark.parametrize("name", CELLS)
def test_parameter_counts_have_closed_forms(name: str) -> None:
    cell = CELLS[name]
    assert cell.parameter_count(F=100, H=10, P=4) == COUNTS[name]
    biases = sum(np.prod(shape) for key, shape in cell.parameter_shapes(100, 10, 4).items() if "bias" in key)
    assert cell.parameter_count(100, 10, 4, bias=False) == COUNTS[name] - biases


def test_the_joined_matrix_of_100_inputs_and_10_units_is_110_by_10() -> None:
    shapes = CELLS["rnn"].parameter_shapes(F=100, H=10)
    assert shapes["weight_ih"] == (10, 100)
    assert shapes["weight_hh"] == (10, 10)
    assert CELLS["rnn"].parameter_count(100, 10, bias=False) == 110 * 10


def test_a_width_fed_back_may_differ_from_the_one_that_leaves() -> None:
    shapes = CELLS["elman_readout"].parameter_shapes(F=30, H=100, P=10)
    assert shapes["weight_hh"] == (100, 100)
    assert shapes["weight_ho"] == (10, 100)
    assert CELLS["jordan"].parameter_shapes(F=30, H=100, P=10)["weight_hh"] == (100, 10)
