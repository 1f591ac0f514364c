"""A cell is its text: equality, pickling, activations by slot, block orders, stages."""

from __future__ import annotations

import copy
import pickle
from itertools import permutations

import numpy as np
import pytest

from hiddenstate.cells import CELLS, Cell, State, Vector
from hiddenstate.cells.equation import node
from hiddenstate.errors import InvalidArgument

each_cell = pytest.mark.parametrize("name", CELLS)


@each_cell
def test_pickle_deepcopy_and_plain_values(name: str) -> None:
    cell = CELLS[name]
    assert pickle.loads(pickle.dumps(cell)) == cell
    assert copy.deepcopy(cell) is cell
    again = Cell.from_dict(cell.as_dict())
    assert again == cell
    assert hash(again) == hash(cell)
    assert again.assignments == cell.assignments
    assert again.parameter_shapes(3, 4, 2) == cell.parameter_shapes(3, 4, 2)


def test_cells_that_differ_are_not_equal() -> None:
    lstm = CELLS["lstm"]
    assert lstm != lstm.with_activations("relu")
    assert lstm != lstm.replace(states=(State("h"), State("c", low=-1)))
    assert lstm.replace(title="Other") != lstm
    assert lstm != "lstm"
    indented = "\n\n" + "".join(f"      {line}  \n" for line in lstm.equations.splitlines())
    assert lstm == lstm.replace(equations=indented)
    assert len(set(CELLS.values()) | {Cell.from_dict(lstm.as_dict())}) == len(CELLS)


def test_a_cell_cannot_be_changed() -> None:
    lstm = CELLS["lstm"]
    with pytest.raises(AttributeError):
        lstm.name = "other"
    with pytest.raises(TypeError):
        lstm.orders["torch"] = "o g f i"


def test_slots_name_what_may_be_replaced() -> None:
    assert dict(CELLS["lstm"].slots) == {
        "i": "sigmoid",
        "f": "sigmoid",
        "g": "tanh",
        "o": "sigmoid",
        "h": "tanh",
    }
    assert dict(CELLS["mingru"].slots) == {"z": "sigmoid", "n": "identity"}


def test_one_name_replaces_every_tanh() -> None:
    lstm = CELLS["lstm"].with_activations("leaky_relu(alpha=0.2)")
    assert dict(lstm.activations) == {"g": "leaky_relu(alpha=0.2)", "h": "leaky_relu(alpha=0.2)"}
    written = {name: repr(root) for name, root in lstm.assignments}
    assert written["g"] == "leaky_relu(W_g x + R_g h', 0.2)"
    assert written["h"] == "o * leaky_relu(c, 0.2)"
    assert written["i"] == "sigmoid(W_i x + R_i h')"
    assert lstm.with_activations(None) is lstm
    assert dict(lstm.with_activations({"g": "sin"}).activations)["h"] == "leaky_relu(alpha=0.2)"


def test_activations_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        InvalidArgument, match="lstm has no activation named 'k'; choose one of: f, g, h, i, o"
    ):
        CELLS["lstm"].with_activations({"k": "relu"})
    with pytest.raises(InvalidArgument, match="mingru has no tanh to make 'relu'; name a slot, one of: z, n"):
        CELLS["mingru"].with_activations("relu")
    with pytest.raises(InvalidArgument, match="expected an activation, or activations by slot, came 5"):
        CELLS["lstm"].with_activations(5)
    with pytest.raises(InvalidArgument, match="unknown activation 'tahn': did you mean 'tanh'"):
        CELLS["lstm"].with_activations("tahn")


def test_block_orders_are_permutations_into_the_other_librarys() -> None:
    """onnx: iofc, c being torch's g; haiku: igfo; Keras 2: zrh, h being n."""
    ours = np.array(["i", "f", "g", "o"])
    assert "".join(ours[list(CELLS["lstm"].block_order("onnx"))]) == "iofg"
    assert "".join(ours[list(CELLS["lstm"].block_order("haiku"))]) == "igfo"
    assert CELLS["lstm"].block_order("torch") == CELLS["lstm"].block_order("keras") == (0, 1, 2, 3)
    assert "".join(np.array(["r", "z", "n"])[list(CELLS["gru"].block_order("onnx"))]) == "zrn"
    assert CELLS["gru"].block_order("onnx", "R") == (1, 0, 2)
    assert CELLS["lstm_projected"].block_order("onnx", "P") == (0,)


@each_cell
def test_every_stated_order_names_every_block(name: str) -> None:
    cell = CELLS[name]
    for library in cell.orders:
        for letter, blocks in cell.labels.items():
            assert cell.block_order(library, letter) in set(permutations(range(len(blocks))))
    if "torch" in cell.orders:  # the order in which we stack is torch's
        assert cell.block_order("torch") == tuple(range(len(cell.labels["W"])))


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="lstm states no block order for 'onix'; did you mean 'onnx'"):
        CELLS["lstm"].block_order("onix")


def test_stages_part_where_a_product_needs_a_whole_vector() -> None:
    products = {
        name: [[f"{p.letter}:{' '.join(p.labels)}" for p in stage.products] for stage in CELLS[name].stages]
        for name in ("lstm", "gru", "gru_before", "lstm_projected", "jordan")
    }
    assert products["lstm"] == [["W:i f g o", "R:i f g o"]]
    assert products["gru"] == [["W:r z n", "R:r z n"]]
    assert products["gru_before"] == [["W:r z n", "R:r z"], ["R:n"]]
    assert products["lstm_projected"] == [["W:i f g o", "R:i f g o"], ["P:"]]
    assert products["jordan"] == [["W:", "R:"], ["V:"]]


def test_widths_follow_the_equations() -> None:
    cell = Cell(
        "mine",
        "h = tanh(W x + R y' * u)\ny = identity(V h)",
        (State("h"), State("y", width="P")),
        vectors=(Vector("u"),),
    )
    assert cell.width_of(node("symbol", name="x")) == "F"
    assert cell.width_of(node("symbol", name="h")) == "H"
    assert cell.width_of(node("symbol", name="y")) == "P"
    assert cell.width_of(node("const", value=2.0)) == ""
    assert cell.parameter_shapes(F=3, H=5, P=2)["weight_hh"] == (5, 2)


def test_activations_are_also_written_by_slot() -> None:
    changed = CELLS["lstm"].with_activations("h=relu, f=hard_sigmoid(0.2, 0.5)")
    assert dict(changed.activations) == {"h": "relu", "f": "hard_sigmoid(0.2, 0.5)"}
    assert repr(dict(changed.assignments)["f"]) == "hard_sigmoid(W_f x + R_f h', 0.2, 0.5)"
    with pytest.raises(InvalidArgument, match="by slot, as in 'h=relu, f=hard_sigmoid', came 'h='"):
        CELLS["lstm"].with_activations("h=")
    with pytest.raises(InvalidArgument, match="no activation named 'zz'"):
        CELLS["lstm"].with_activations("zz=relu")
