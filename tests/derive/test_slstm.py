"""The stabiliser of the sLSTM: why it starts at minus infinity, and that nothing overflows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hiddenstate.cells import CELLS
from hiddenstate.derive import interpreter
from hiddenstate.derive.reference import Recurrence, first_states, torch_arrays, unroll

H = 2


def parameters(gate: float) -> dict[str, np.ndarray]:
    """Weights such that the input gate's pre-activation is `gate` in every unit."""
    cell = CELLS["slstm"]
    random = np.random.default_rng(0)
    values = {name: random.normal(size=shape) * 0.3 for name, shape in cell.parameter_shapes(1, H).items()}
    for name in ("weight_ih", "weight_hh"):
        values[name][:H] = 0
    values["bias_ih"][:H], values["bias_hh"][:H] = gate, 0
    return values


@pytest.mark.parametrize("gate", [-800.0, -120.0, 0.0, 120.0, 800.0])
def test_no_gate_overflows_and_gradients_stay_finite(gate: float) -> None:
    cell, values = CELLS["slstm"], parameters(gate)
    x = np.random.default_rng(1).normal(size=(5, 3, 1))
    states = first_states(cell, x, H, H)
    np.testing.assert_array_equal(states[3], -np.inf)
    with np.errstate(invalid="raise", divide="raise", over="raise"):
        tape = interpreter.forward(cell, values, x, states)
        # the first step forgets nothing that was there: h = o z, whatever the input gate says
        before = x[0] @ values["weight_ih"].T + values["bias_ih"] + values["bias_hh"]
        expected = np.tanh(before[:, 2 * H : 3 * H]) / (1 + np.exp(-before[:, 3 * H :]))
        np.testing.assert_allclose(tape.output[0], expected, rtol=1e-12)
        found = interpreter.backward(tape, np.ones_like(tape.output), [np.ones_like(s) for s in states])
    assert all(np.isfinite(value).all() for value in (found.x, *found.parameters.values()))

    leaves = {name: torch.from_numpy(value).requires_grad_() for name, value in values.items()}
    tensors = [torch.from_numpy(state) for state in states]
    run = unroll(Recurrence(cell, leaves, None, torch_arrays()), torch.from_numpy(x), tensors)
    (run.output.sum() + sum(state.sum() for state in run.states)).backward()
    for name, leaf in leaves.items():
        np.testing.assert_allclose(found.parameters[name], leaf.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_starting_at_zero_divides_zero_by_zero() -> None:
    """With m = 0 at first, i = exp(a - m) vanishes beside the m that the forget gate leaves, and n too."""
    cell, values = CELLS["slstm"], parameters(-800.0)
    at_zero = tuple(dataclasses.replace(state, initial=0.0) for state in cell.states)
    x = np.zeros((1, 1, 1))
    with np.errstate(invalid="ignore"):
        wrong = unroll(Recurrence(cell, values), x, first_states(cell.replace(states=at_zero), x, H, H))
    assert np.isnan(wrong.output).all()
    right = unroll(Recurrence(cell, values), x, first_states(cell, x, H, H))
    assert np.isfinite(right.output).all()


def test_starting_at_zero_is_not_a_number_in_float32_at_minus_120() -> None:
    cell = CELLS["slstm"]
    values = {name: value.astype(np.float32) for name, value in parameters(-120.0).items()}
    x = np.zeros((1, 1, 1), np.float32)
    at_zero = tuple(dataclasses.replace(state, initial=0.0) for state in cell.states)
    with np.errstate(invalid="ignore"):
        wrong = unroll(Recurrence(cell, values), x, first_states(cell.replace(states=at_zero), x, H, H))
    assert wrong.output.dtype == np.float32
    assert np.isnan(wrong.output).all()
    assert np.isfinite(unroll(Recurrence(cell, values), x, first_states(cell, x, H, H)).output).all()


def test_m_is_only_a_scale() -> None:
    """c exp(m), n exp(m) and h do not depend on where m stands."""
    cell, values = CELLS["slstm"], parameters(0.5)
    random = np.random.default_rng(3)
    x, c, n, m = random.normal(size=(4, 2, 1)), *random.uniform(0.5, 1, (3, 2, H))
    h = np.zeros((2, H))
    run = unroll(Recurrence(cell, values), x, (h, c, n, m))
    shifted = unroll(Recurrence(cell, values), x, (h, c * np.exp(-3), n * np.exp(-3), m + 3))
    np.testing.assert_allclose(shifted.output, run.output, rtol=1e-12)
    np.testing.assert_allclose(
        shifted.states[1] * np.exp(shifted.states[3]), run.states[1] * np.exp(run.states[3]), rtol=1e-12
    )
