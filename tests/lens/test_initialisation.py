"""How networks begin: what each way promises of the numbers that it draws."""

from __future__ import annotations

import numpy as np
import pytest

from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import Recurrent
from hiddenstate.lens.initialisation import INITIALISATIONS, Sizes, initialised, keeping_gates

F, H = 5, 32


WITHOUT_PRODUCT = {"mingru", "minlstm", "indrnn"}
KEEPING = {"lstm", "lstm_peephole", "lstm_projected", "cifg", "janet", "gru", "gru_before", "mgu", "ugrnn"}
KEEPING |= {"mingru"}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("how", INITIALISATIONS)
def test_a_layer_takes_what_is_drawn(name: str, how: str) -> None:
    layer, sizes = Recurrent(name, F, 4, num_layers=2, bidirectional=True), Sizes(F, 4, 2, True)
    if how in ("orthogonal", "identity") and name in WITHOUT_PRODUCT:
        with pytest.raises(Unsupported, match=f"{name} has none; choose default or uniform"):
            initialised(CELLS[name], sizes, how, seed=1)
        return
    if how == "chrono" and name not in KEEPING:
        with pytest.raises(Unsupported, match=f"{name} has no such bias; choose another"):
            initialised(CELLS[name], sizes, how, seed=1)
        return
    found = initialised(CELLS[name], sizes, how, seed=1)
    shapes = {key: tuple(value.shape) for key, value in layer.state_dict().items()}
    assert {key: value.shape for key, value in found.items()} == shapes
    again, other = (initialised(CELLS[name], sizes, how, seed) for seed in (1, 2))
    assert all((again[key] == value).all() for key, value in found.items())
    assert any((other[key] != value).any() for key, value in found.items())


def test_default_is_what_a_layer_draws() -> None:
    drawn = initialised(CELLS["indrnn"], Sizes(F, H), "default", seed=3)
    assert 0 <= drawn["u_l0"].min() < 0.1 < 0.9 < drawn["u_l0"].max() <= 1
    weights = np.concatenate(
        [value.ravel() for value in initialised(CELLS["lstm"], Sizes(F, H), "default", seed=3).values()]
    )
    bound = 1 / np.sqrt(H)
    assert 0.98 * bound < np.abs(weights).max() <= bound
    assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)


def test_uniform_keeps_the_variance_of_each_block() -> None:
    drawn = initialised(CELLS["gru"], Sizes(F, H), "uniform", seed=4)
    for block in np.split(drawn["weight_ih_l0"], 3):
        assert np.abs(block).max() <= np.sqrt(6 / (F + H))
    assert drawn["weight_hh_l0"].std() == pytest.approx(np.sqrt(1 / H), rel=0.05)
    assert not drawn["bias_ih_l0"].any()
    assert not drawn["bias_hh_l0"].any()


def test_orthogonal_blocks_turn_and_do_not_stretch() -> None:
    drawn = initialised(CELLS["lstm"], Sizes(F, H, 2), "orthogonal", seed=5)
    for layer in (0, 1):
        blocks = np.split(drawn[f"weight_hh_l{layer}"], 4)
        for block in blocks:
            np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)
        assert np.abs(blocks[0] - blocks[1]).max() > 0.1
    assert not drawn["bias_hh_l1"].any()


def test_identity_repeats_the_state() -> None:
    drawn = initialised(CELLS["rnn"], Sizes(F, H), "identity", seed=6)
    assert (drawn["weight_hh_l0"] == np.eye(H)).all()
    assert 0.0005 < drawn["weight_ih_l0"].std() < 0.0015
    assert not drawn["bias_ih_l0"].any()


def test_chrono_keeps_for_as_long_as_asked() -> None:
    steps = 200
    drawn = initialised(CELLS["lstm"], Sizes(F, H), "chrono", seed=7, steps=steps)
    i, f, g, o = np.split(drawn["bias_ih_l0"], 4)
    spans = np.exp(f)
    assert 1 <= spans.min() < 30 < 150 < spans.max() <= steps - 1
    assert (i == -f).all()
    assert not g.any()
    assert not o.any()
    assert not drawn["bias_hh_l0"].any()
    z = np.split(initialised(CELLS["gru"], Sizes(F, H), "chrono", 7, steps)["bias_ih_l0"], 3)[1]
    assert 0 <= z.min() < 3.5 < 5 < z.max() <= np.log(steps - 1)
    assert (initialised(CELLS["mgu"], Sizes(F, H), "chrono", 7, steps)["bias_ih_l0"] <= 0).all()


def test_which_gates_keep() -> None:
    found = {name: list(keeping_gates(cell)) for name, cell in CELLS.items()}
    assert found["lstm"] == found["lstm_peephole"] == found["cifg"] == found["janet"] == [("f", 1)]
    assert found["gru"] == [("z", 1)]
    assert found["mgu"] == [("f", -1)]
    assert found["rnn"] == found["indrnn"] == []


def test_an_unknown_way_is_told() -> None:
    with pytest.raises(InvalidArgument, match="'ortogonal': did you mean 'orthogonal'"):
        initialised(CELLS["rnn"], Sizes(1, 2), "ortogonal", 0)
