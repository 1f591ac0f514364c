"""Gates and carried factors, read off the equations, against what the equations compute."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hiddenstate.cells import CELLS, Cell, State, Vector, coupled, layer_norm, zoneout
from hiddenstate.cells.equation import text
from hiddenstate.derive.gates import carried, gates
from hiddenstate.derive.reference import Recurrence, first_states
from hiddenstate.infer import Stack
from hiddenstate.infer.stack import stack_shapes
from hiddenstate.lens.pieces import pieces
from hiddenstate.lens.tally import to_keep

EXPECTED = {
    "rnn": ("", {}),
    "elman_readout": ("", {}),
    "jordan": ("", {}),
    "lstm": ("i f o", {"c": "f"}),
    "lstm_peephole": ("i f o", {"c": "f"}),
    "cifg": ("f o", {"c": "f"}),
    "lstm_projected": ("i f o", {"c": "f"}),
    "lstm_layer_norm": ("i f o", {"c": "f"}),
    "janet": ("f i", {"h": "f"}),
    "slstm": ("o i f", {"c": "f", "n": "f"}),
    "gru": ("r z", {"h": "z"}),
    "gru_before": ("r z", {"h": "z"}),
    "mgu": ("f", {"h": "1 - f"}),
    "ugrnn": ("g", {"h": "g"}),
    "mingru": ("z", {"h": "1 - z"}),
    "minlstm": ("f", {"h": "f"}),
    "indrnn": ("", {"h": "u"}),
}


def factors(cell: Cell) -> dict[str, str]:
    return {name: text(root) for name, root in carried(cell).items() if root is not None}


@pytest.mark.parametrize("name", CELLS)
def test_the_gates_and_the_factors_of_every_cell(name: str) -> None:
    assert (" ".join(gates(CELLS[name])), factors(CELLS[name])) == EXPECTED[name]


def test_of_cells_made_from_cells() -> None:
    assert factors(zoneout(CELLS["gru"], 0.1)) == {"h": "1 - move_h + move_h * z"}
    assert factors(zoneout(CELLS["rnn"], 0.1)) == {"h": "1 - move_h"}
    assert factors(layer_norm(CELLS["gru"])) == {"h": "z"}
    assert gates(coupled(CELLS["lstm"])) == ("i", "f", "o")
    assert gates(CELLS["lstm"].with_activations({"f": "hard_sigmoid(0.2, 0.5)"})) == ("i", "f", "o")


def test_what_no_function_keeps_between_0_and_1_is_no_gate() -> None:
    changed = CELLS["lstm"].with_activations({"f": "relu"})
    assert (gates(changed), factors(changed)) == (("i", "o"), {"c": "f"})
    own = Cell(
        "own",
        "d = 0.5 * tanh(W_d x) + 0.5\na = sigmoid(W_a x)\nb = a / (a + d + sigmoid(W_b x))\n"
        "e = exp(d - max(d, a))\nk = 1.5 * a\nl = exp(k)\nh = b * h' + e * k + l",
        (State("h"),),
    )
    assert gates(own) == ("d", "a", "b", "e")
    share = Cell("s", "a = sigmoid(W_a x)\nf = a / (a + sigmoid(W_b x))\nh = f * h' + a", (State("h"),))
    assert gates(share) == ("a", "f")


def test_a_value_that_depends_on_what_it_multiplies_is_no_factor() -> None:
    cell = Cell("largest", "m = max(m', W x)\nh = tanh(W_h x) * h' * h'", (State("m"), State("h")))
    assert carried(cell) == {"m": None, "h": None}


@pytest.mark.parametrize("name", CELLS)
def test_the_factor_is_the_slope_where_no_matrix_and_no_gate_mixes(name: str) -> None:
    """With nothing fed back but the state itself, finite differences of a step are that factor."""
    cell, H, F = CELLS[name], 4, 3
    generator = np.random.default_rng(3)
    weights = {
        each: generator.normal(size=shape) for each, shape in stack_shapes(cell, F, H, proj_size=0).items()
    }
    for each in weights:
        if each.startswith(("weight_hh", "p_", "weight_ih")):
            weights[each] *= 0.0 if not each.startswith("weight_ih") else 0.3
        if each.startswith("bias_ih") and name == "indrnn":
            weights[each] = np.abs(weights[each]) + 5.0  # where its relu is not off
    stack = Stack(cell, F, H, weights)
    recurrence = Recurrence(cell, dict(stack.parameters_of("_l0")))
    x = generator.normal(size=(1, 1, F))
    (piece,) = pieces(stack, x, keep=to_keep(stack))
    inputs = {n: z[0] for n, z in recurrence.input_products(x).items()}
    states = first_states(cell, x, H, H)
    for place, state in enumerate(cell.states):
        if not math.isfinite(state.initial):
            continue
        step, ends = 1e-6, []
        for sign in (1, -1):
            moved = [value.copy() for value in states]
            moved[place] += sign * step
            ends.append(recurrence.step(inputs, moved).states[place])
        slope = (ends[0] - ends[1])[0] / (2 * step)
        root = carried(cell)[state.name]
        wanted = np.zeros(H) if root is None else np.broadcast_to(piece.evaluated(root), (1, 1, H))[0, 0]
        np.testing.assert_allclose(slope, wanted, atol=1e-8)


def test_an_expression_is_evaluated_whatever_it_reads() -> None:
    cell = Cell(
        "unnamed",
        "n = tanh(norm(W_n x))\nh = sigmoid(W_f x + R_f h' + u) * h' + n",
        (State("h"),),
        vectors=(Vector("u"),),
    )
    generator = np.random.default_rng(4)
    shapes = stack_shapes(cell, 3, 4, num_layers=1)
    stack = Stack(cell, 3, 4, {name: generator.normal(size=shape) for name, shape in shapes.items()})
    x = generator.normal(size=(6, 2, 3))
    (piece,) = pieces(stack, x, keep=to_keep(stack))
    weights, root = stack.parameters_of("_l0"), carried(cell)["h"]
    h = np.concatenate([np.zeros((1, 2, 4)), piece.values["h"][:-1]])
    # the blocks of a matrix stand in the order in which the equations name them
    inputs = x @ weights["weight_ih"][4:].T + weights["bias_ih"][4:]
    z = inputs + h @ weights["weight_hh"].T + weights["bias_hh"] + weights["u"]
    assert root is not None
    np.testing.assert_allclose(piece.evaluated(root), 1 / (1 + np.exp(-z)), atol=1e-14)
