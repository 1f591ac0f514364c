"""What is compared, and what is refused before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument
from hiddenstate.layers import Recurrent
from hiddenstate.lens.recall.plan import Size, planned, usual
from hiddenstate.lens.recall.task import Recall

GIVEN: dict[str, Any] = {
    "cells": ["rnn", "lstm"],
    "activations": ["tanh"],
    "inits": ["usual"],
    "delays": [5, 20],
    "seeds": [0],
}


def plan_of(**changes: Any) -> Any:
    return planned(**(GIVEN | changes))


@given(st.sampled_from(sorted(CELLS)), st.integers(100, 30_000))
def test_no_network_is_over_the_budget_and_none_could_be_larger(name: str, budget: int) -> None:
    units, parameters = Size(parameters=budget).of(CELLS[name], Recall())
    assert parameters <= budget < Size(units=units + 1).of(CELLS[name], Recall())[1]


@pytest.mark.parametrize("name", CELLS)
def test_the_parameters_are_those_of_layer_and_readout(name: str) -> None:
    layer = Recurrent(name, 9, 6)
    readout = (layer.output_width + 1) * 8
    counted = sum(parameter.numel() for parameter in layer.parameters()) + readout
    assert Size(units=6).of(CELLS[name], Recall()) == (6, counted)


def test_networks_in_order_with_names_as_short_as_tell_them_apart() -> None:
    assert plan_of().labels == ("rnn", "lstm")
    assert plan_of(activations=["tanh", "relu"]).labels == ("rnn tanh", "rnn relu", "lstm tanh", "lstm relu")
    labels = plan_of(cells=["rnn"], activations=["relu"], inits=["usual", "identity"]).labels
    assert labels == ("rnn usual", "rnn identity")
    assert plan_of(delays=[20, 5]).delays == (5, 20)


def test_what_an_activation_stands_for() -> None:
    plan = plan_of(cells=["rnn", "lstm", "gru"], activations=["relu"])
    assert [network.replaced for network in plan.networks] == [("h",), ("g", "h"), ("n",)]
    assert [network.replaced for network in plan_of(activations=["own"]).networks] == [(), ()]
    assert plan_of(activations=["own"]).networks[1].cell == CELLS["lstm"]


def test_the_usual_beginning_suits_the_cell() -> None:
    found = {name: usual(cell) for name, cell in CELLS.items()}
    assert {name for name, init in found.items() if init == "orthogonal"} == {
        "rnn",
        "elman_readout",
        "jordan",
        "lstm_layer_norm",
        "slstm",
    }
    assert {name for name, init in found.items() if init == "default"} == {"minlstm", "indrnn"}
    assert found["lstm"] == found["gru"] == found["mingru"] == "chrono"


def test_a_combination_that_cannot_be_is_left_out_and_said() -> None:
    plan = plan_of(inits=["usual", "chrono"])
    assert plan.labels == ("rnn usual", "lstm usual", "lstm chrono")
    assert len(plan.left_out) == 1
    assert plan.left_out[0].startswith(
        "chrono sets the bias of the gate that keeps the state, and rnn has no"
    )
    plan = plan_of(cells=["rnn", "mingru"], activations=["relu", "own"])
    assert plan.labels == ("rnn relu", "rnn own", "mingru own")
    assert plan.left_out[0].startswith("mingru has no tanh that relu could stand for, but identity, sigmoid")
    plan = plan_of(cells=["rnn", "gru", "mingru"], activations=["relu"], inits=["chrono"])
    assert plan.labels == ("gru",)  # a cell of which nothing is left does not stop the others
    assert [why.partition(":")[0].split()[0] for why in plan.left_out] == ["chrono", "mingru"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cells": ["lstn"]}, "unknown cell 'lstn': did you mean 'lstm'"),
        ({"cells": []}, "cells: expected at least one, came none"),
        ({"cells": ["rnn", "rnn"]}, "cells: 'rnn' is asked for twice"),
        ({"activations": ["rely"]}, "unknown activation 'rely': did you mean 'relu'"),
        ({"activations": []}, "activation: expected at least one"),
        ({"activations": ["leaky_relu(x)"]}, "leaky_relu expects a number"),
        ({"inits": ["chorno"]}, "unknown initialisation 'chorno': did you mean 'chrono'"),
        (
            {"cells": ["mingru"]},
            "nothing of what is asked for can be compared: mingru has no tanh",
        ),
        ({"cells": ["rnn"], "inits": ["chrono"]}, "can be compared: chrono sets the bias"),
        ({"delays": [5]}, r"at least two delays, such as 5,20,100; came \[5\]"),
        ({"delays": []}, "at least two delays"),
        ({"delays": [0, 5]}, "from 1 to 2000, such as 5,20,100; came 0"),
        ({"delays": [5, -3]}, "came -3"),
        ({"delays": [5, 2001]}, "came 2001"),
        ({"delays": [5, True]}, "came True"),
        ({"delays": [5, 5.5]}, "came 5.5"),
        ({"delays": [5, 20, 5]}, "each delay once, came 5, 20, 5"),
        ({"seeds": []}, "at least one seed"),
        ({"seeds": [-1]}, r"came \[-1\]"),
        ({"seeds": [1, 1]}, r"came \[1, 1\]"),
        ({"size": Size(parameters=50)}, "50 parameters are too few: lstm with a single unit has 64"),
        (
            {"cells": sorted(CELLS), "activations": ["own"], "inits": ["usual", "default"]},
            "34 networks, and 24 at most",
        ),
    ],
)
def test_what_cannot_be_compared(changes: dict, expected: str) -> None:
    with pytest.raises(InvalidArgument, match=expected):
        plan_of(**changes)


@pytest.mark.parametrize(
    ("given_size", "expected"),
    [
        ({"parameters": 10, "units": 3}, "either a budget of parameters or a number of units"),
        ({"parameters": 0}, "parameters: expected a whole number of at least 1, came 0"),
        ({"units": 2.5}, "units: expected a whole number of at least 1, came 2.5"),
    ],
)
def test_sizes_that_cannot_be(given_size: dict, expected: str) -> None:
    with pytest.raises(InvalidArgument, match=expected):
        Size(**given_size)


def test_a_cell_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'equations = "h = tanh(W x + R h\')"\nstates = [{ name = "h" }]\n',
        encoding="utf-8",
    )
    assert plan_of(cells=["rnn", str(path)]).labels == ("rnn", "mine")
