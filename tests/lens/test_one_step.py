"""What one step does to a gradient: its Jacobian of every cell, and the bound that an equation gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiddenstate.cells import CELLS, Cell, State, Vector, layer_norm
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.derive.reference import Recurrence, torch_arrays
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Stack
from hiddenstate.layers import Recurrent
from hiddenstate.lens.bound import STEEPEST, bound_of
from hiddenstate.lens.initialisation import Sizes, initialised
from hiddenstate.lens.one_step import keeping, one_step
from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass

T, F, H, P = 6, 3, 4, 2


def layer_of(name: str) -> Recurrent:
    torch.manual_seed(8)
    projected = {"proj_size": P} if name in ("lstm_projected", "jordan", "elman_readout") else {}
    layer = Recurrent(name, F, H, dtype=torch.float64, backend="reference", **projected)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(1.5)
    return layer


@pytest.mark.parametrize("name", CELLS)
def test_the_jacobian_of_a_step_is_that_of_autograd_and_of_differences(name: str) -> None:
    layer, cell = layer_of(name), CELLS[name]
    x = np.random.default_rng(1).normal(size=(T, 2, F))
    run, weights = Pass(opened(layer).stack, x, [T, T - 2]), dict(layer.named_parameters())
    recurrence = Recurrence(
        cell, {each: weights[f"{each}_l0"] for each in layer.names}, arrays=torch_arrays()
    )
    states = tuple(value[0, 1:].detach() for value in layer.initial_state(2))
    widths = [state.shape[-1] for state in states]

    def stepped(before: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        parts = tuple(before[None].split(widths, -1))
        return torch.cat(recurrence.step(recurrence.input_products(row), parts).states, -1)[0]

    for step in range(T - 2):
        row, before = torch.tensor(x[step, 1:]), torch.cat(states, -1)[0]
        found = run.jacobian(0, 0, step, 1)
        if step:  # the sLSTM's m begins at minus infinity
            wanted = torch.autograd.functional.jacobian(lambda given, at=row: stepped(given, at), before)
            np.testing.assert_allclose(found, wanted.numpy(), atol=1e-12)
            with torch.no_grad():
                for unit in range(len(before)):
                    shift = torch.zeros_like(before)
                    shift[unit] = 1e-6
                    slope = (stepped(before + shift, row) - stepped(before - shift, row)) / 2e-6
                    np.testing.assert_allclose(found[:, unit], slope.numpy(), atol=1e-8)
            assert np.abs(found).max() > 0.01
        with torch.no_grad():
            states = tuple(stepped(before, row)[None].split(widths, -1))


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if len(cell.states) == 1])
def test_the_jacobians_of_all_steps_multiply_to_the_gradient(name: str) -> None:
    stack = opened(layer_of(name)).stack
    x, found = np.random.default_rng(2).normal(size=(T, 1, F)), {}
    run, state = Pass(stack, x), CELLS[name].states[0].name
    width = run.output.shape[-1]
    run.back(
        {T - 1: np.eye(width)[:, None]},
        watched=(state,),
        watch=lambda layer, direction, step, seen: found.update({step: seen[state][:, 0]}),
    )
    for step in range(T - 1, 0, -1):
        np.testing.assert_allclose(found[step] @ run.jacobian(0, 0, step), found[step - 1], atol=1e-12)


def test_a_step_that_is_not_there_is_told() -> None:
    run = Pass(opened(layer_of("rnn")).stack, np.zeros((T, 2, F)), [T, 2])
    with pytest.raises(InvalidArgument, match="sequence 1 has 2 steps; there is no step 2"):
        run.jacobian(0, 0, 2, 1)


def test_every_function_has_its_steepest_slope() -> None:
    """Against differences on a fine grid."""
    assert set(STEEPEST) == set(FUNCTIONS)
    grid = np.linspace(-12, 12, 480_001)
    for name, row in FUNCTIONS.items():
        for scale in (1.0, 0.3):
            constants = [value * scale for value in row.parameters.values()]
            values = row.definition(grid, *constants)
            slopes = np.abs(np.diff(values) / np.diff(grid))
            jumps = name == "thresholded_relu"
            assert STEEPEST[name](*constants) == pytest.approx(np.sort(slopes)[-2 if jumps else -1], rel=1e-4)


BOUNDED = ("rnn", "elman_readout", "jordan", "indrnn")


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("activation", ["tanh", "relu", "scaled_tanh(1.7, 0.6)"])
def test_no_step_passes_its_bound(name: str, activation: str) -> None:
    cell = CELLS[name] if activation == "tanh" or name in ("indrnn", "mingru", "minlstm") else None
    cell = cell or CELLS[name].with_activations(activation)
    stack = Stack(cell, F, 8, initialised(cell, Sizes(F, 8), "default", seed=9))
    sequences = list(np.random.default_rng(3).normal(size=(4, T, F)))
    found = one_step(stack, sequences, seed=0)[0, 0]
    assert len(found.norms) == len(set(found.places)) == min(32, 4 * (T - 1))
    assert (found.bound is not None) == (name in BOUNDED)
    if found.bound is not None:
        assert 0.2 < found.norms.max() <= found.bound.factor * (1 + 1e-12)


def test_the_bound_is_that_of_the_papers() -> None:
    cell = CELLS["rnn"].with_activations("sigmoid")
    weights = initialised(cell, Sizes(F, 16), "orthogonal", seed=1)
    found = bound_of(cell, {name.removesuffix("_l0"): value for name, value in weights.items()})
    assert found.factor == pytest.approx(0.25, rel=1e-12)
    assert found.parts == pytest.approx({"sigma_max(R)": 1.0, "max |sigmoid'|": 0.25})
    two = {"weight_hh": np.diag([3.0, 1.0]), "weight_ih": np.ones((2, 1)), "weight_ho": np.diag([0.5, 2.0])}
    assert bound_of(CELLS["jordan"], two).factor == pytest.approx(6.0)


def test_what_has_no_bound_says_so() -> None:
    assert bound_of(layer_norm(CELLS["rnn"]), {"weight_hh": np.eye(2)}) is None
    squared = Cell("squared", "h = W x + h' * h'", (State("h"),))
    assert bound_of(squared, {"weight_ih": np.ones((2, 1))}) is None
    halved = Cell("halved", "h = W x - 0.5 * (u * h')", (State("h"),), vectors=(Vector("u"),))
    given = {"weight_ih": np.ones((2, 1)), "u": np.array([-3.0, 1.0])}
    assert bound_of(halved, given).factor == pytest.approx(1.5)


def test_what_a_gate_keeps() -> None:
    assert [(each.gate, each.turned) for each in keeping(CELLS["mingru"])] == [("z", True)]
    assert list(keeping(CELLS["rnn"])) == []
    cell = CELLS["lstm"]
    parameters = {name: np.zeros_like(v) for name, v in initialised(cell, Sizes(F, H), "default", 0).items()}
    parameters["bias_ih_l0"][H : 2 * H] = np.log(0.8 / 0.2)
    found = one_step(Stack(cell, F, H, parameters), [np.ones((T, F))], seed=0)[0, 0]
    assert found.kept == {"c": pytest.approx(0.8)}
    np.testing.assert_allclose(
        found.norms, np.sqrt(0.8**2 + 0.4**2), rtol=1e-12
    )  # of c to c, and to h = c / 2
