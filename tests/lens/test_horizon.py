"""How far a state reaches: exponents and memory capacities that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiddenstate import lens
from hiddenstate.cells import CELLS, Cell, State, Vector
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Stack
from hiddenstate.layers import Recurrent
from hiddenstate.lens.lyapunov import capacity, exponents, kaplan_yorke
from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass

LEAKY = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))
LINEAR = CELLS["rnn"].with_activations("identity")


def linear(recurrent: np.ndarray, inputs: np.ndarray) -> Stack:
    return Stack(LINEAR, inputs.shape[1], len(inputs), {"weight_ih_l0": inputs, "weight_hh_l0": recurrent})


def test_the_exponents_of_leaky_sums_are_their_logarithms() -> None:
    u = np.array([0.5, -0.9, 1.0, 0.1])
    stack = Stack(LEAKY, 1, 4, {"weight_ih_l0": np.ones((4, 1)), "u_l0": u})
    found = exponents(Pass(stack, np.zeros((200, 2, 1))), 0, 9)
    assert found.shape == (2, 4)
    np.testing.assert_allclose(found, [np.log([1.0, 0.9, 0.5, 0.1])] * 2, atol=1e-6)


def test_a_matrix_has_the_logarithms_of_its_eigenvalues() -> None:
    recurrent = np.array([[0.9, 5.0, 1.0], [0.0, 0.6, -2.0], [0.0, 0.0, 0.3]])
    found = exponents(Pass(linear(recurrent, np.ones((3, 1))), np.zeros((400, 1, 1))), 0, 3)[0]
    np.testing.assert_allclose(found, np.log([0.9, 0.6, 0.3]), atol=1e-6)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "janet", "mgu"])
def test_the_whole_spectrum_sums_to_the_change_of_volume(name: str) -> None:
    torch.manual_seed(1)
    stack = opened(Recurrent(name, 2, 3, dtype=torch.float64)).stack
    run, T = Pass(stack, np.random.default_rng(2).normal(size=(60, 1, 2))), 60
    found = exponents(run, 0, 99)[0]
    volumes = [np.linalg.slogdet(run.jacobian(0, 0, step))[1] for step in range(1, T - T // 5)]
    assert found.sum() == pytest.approx(np.mean(volumes), rel=1e-9)


def test_a_disturbance_grows_as_the_first_exponent_says() -> None:
    """Against two runs from nearly the same state, of a network that is chaotic."""
    random, H = np.random.default_rng(3), 60
    recurrent = random.normal(size=(H, H)) * 2.5 / np.sqrt(H)
    weights = {
        "weight_ih_l0": np.zeros((H, 1)),
        "weight_hh_l0": recurrent,
        "first_h": random.normal(size=(1, H)),
    }
    steps = 3000
    found = exponents(Pass(Stack(CELLS["rnn"], 1, H, weights), np.zeros((steps, 1, 1))), 0, 3)[0]
    state, shift, logs = weights["first_h"][0], random.normal(size=H), []
    for _ in range(steps):
        shift *= 1e-7 / np.linalg.norm(shift)
        other = np.tanh(recurrent @ (state + shift))
        state = np.tanh(recurrent @ state)
        shift = other - state
        logs.append(np.log(np.linalg.norm(shift) / 1e-7))
    assert found[0] > 0.1
    assert found[0] == pytest.approx(np.mean(logs[300:]), abs=0.03)
    assert (
        kaplan_yorke(exponents(Pass(Stack(CELLS["rnn"], 1, H, weights), np.zeros((300, 1, 1))), 0, H)[0]) > 1
    )


def test_a_line_of_delays_recalls_as_many_steps_as_it_has_units() -> None:
    H = 7
    stack = linear(np.eye(H, k=-1), np.eye(H)[:, :1])
    x = np.random.default_rng(4).normal(size=(300, 6, 1))
    found = capacity(Pass(stack, x).output, x[..., 0], 12)
    np.testing.assert_allclose(found[:H], 1, atol=1e-6)
    assert found[H:].max() < 0.02
    assert exponents(Pass(stack, x), 0, 3)[0, 0] == -np.inf


def test_noise_recalls_nothing() -> None:
    random = np.random.default_rng(5)
    found = capacity(random.normal(size=(400, 8, 3)), random.normal(size=(400, 8)), 5)
    assert found.max() < 0.01
    assert not capacity(np.zeros((40, 2, 3)), random.normal(size=(40, 2)), 5).any()


def test_the_gradient_fades_as_the_first_exponent_says() -> None:
    """Two ways to one number: the pace of the gradient, and the first exponent."""
    for cell in ("rnn", "lstm", "gru"):
        named = {"cell": cell, "hidden": 32, "features": 8, "seed": 1}
        pace = lens.gradient(steps=200, batch=8, **named).facts["factor"]
        largest = lens.horizon(steps=200, batch=4, **named).facts["largest_exponent"]
        assert np.exp(largest) == pytest.approx(pace, rel=0.03)


def test_what_is_said_of_it() -> None:
    edge = lens.horizon(cell="rnn", initialisation="orthogonal", activation="identity", hidden=8, layers=2)
    assert edge.facts["verdict"].startswith("At the edge: a disturbance neither fades nor grows (x 1 a step")
    assert edge.facts["horizon"] is None or edge.facts["horizon"] > 1e6
    assert edge.arrays["exponents"].values.shape == (2, 8)
    assert edge.arrays["capacity"].values.shape == (2, 100)
    assert max(edge.facts["capacity"]) < 8.5
    fading = lens.horizon(cell="lstm", hidden=16)
    assert fading.facts["verdict"].startswith("Contracting: a disturbance falls to 1/e within")
    assert fading.facts["horizon"] == pytest.approx(-1 / fading.facts["largest_exponent"])
    assert fading.facts["dimension"] == [0.0]
    assert fading.png()[:4] == b"\x89PNG"
    again = lens.horizon(cell="lstm", hidden=16)
    assert again.as_dict() == fading.as_dict()


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(InvalidArgument, match="steps expects a whole number of 20 or more, came 3"):
        lens.horizon(cell="rnn", steps=3)
    with pytest.raises(InvalidArgument, match="batch expects a whole number of 2 or more, came 1"):
        lens.horizon(cell="rnn", batch=1)
    with pytest.raises(Unsupported, match="also reads from the end"):
        lens.horizon(cell="rnn", bidirectional=True)
    with pytest.raises(InvalidArgument, match="hidden is said of a network not trained yet"):
        lens.horizon(linear(np.eye(2), np.ones((2, 1))), hidden=3)
    with pytest.raises(InvalidArgument, match="expected 3 or more, came 2"):
        exponents(Pass(linear(np.eye(2), np.ones((2, 1))), np.zeros((2, 1, 1))), 0, 1)
