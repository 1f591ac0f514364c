"""Law 5: the derived back-propagation is the finite difference, and what torch's autograd finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cell_cases import VARIANTS, Case, drawn
from covering import rotating
from hiddenstate.cells import CELLS
from hiddenstate.derive import interpreter
from hiddenstate.derive.reference import Recurrence, torch_arrays, unroll
from judges.finite_differences import along

each_variant = pytest.mark.parametrize("name", VARIANTS)


def weights_of_loss(case: Case, seed: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    """What the loss multiplies the output and the last states by: every one of them counts."""
    random = np.random.default_rng(seed)
    output = interpreter.forward(case.cell, case.parameters, case.x, case.states, case.masks).output
    return random.normal(size=output.shape), [random.normal(size=state.shape) for state in case.states]


def derived(case: Case) -> dict[str, np.ndarray]:
    tape = interpreter.forward(case.cell, case.parameters, case.x, case.states, case.masks)
    found = interpreter.backward(tape, *weights_of_loss(case))
    states = {f"state:{s.name}": g for s, g in zip(case.cell.states, found.states, strict=True)}
    return {"x": found.x, **states, **found.parameters}


def leaves_of(case: Case) -> dict[str, np.ndarray]:
    states = {f"state:{s.name}": v for s, v in zip(case.cell.states, case.states, strict=True)}
    return {"x": case.x, **states, **case.parameters}


@each_variant
def test_the_tile_program_computes_the_reference(name: str) -> None:
    case = drawn(VARIANTS[name])
    tape = interpreter.forward(case.cell, case.parameters, case.x, case.states, case.masks)
    fixed = {k: None if k in case.step_masks else mask for k, mask in case.masks.items()}
    run = unroll(
        Recurrence(case.cell, case.parameters, fixed), case.x, case.states, step_masks=case.step_masks
    )
    np.testing.assert_allclose(tape.output, run.output, rtol=1e-13, atol=1e-14)
    for state, expected in zip(tape.states, run.states, strict=True):
        np.testing.assert_allclose(state, expected, rtol=1e-13, atol=1e-14)


@each_variant
def test_without_drawn_masks_they_read_as_their_mean(name: str) -> None:
    case = drawn(VARIANTS[name])
    tape = interpreter.forward(case.cell, case.parameters, case.x, case.states)
    run = unroll(Recurrence(case.cell, case.parameters), case.x, case.states)
    np.testing.assert_allclose(tape.output, run.output, rtol=1e-13, atol=1e-14)
    arrays = torch_arrays()
    values = {key: torch.from_numpy(value) for key, value in case.parameters.items()}
    states = [torch.from_numpy(state) for state in case.states]
    again = unroll(Recurrence(case.cell, values, None, arrays), torch.from_numpy(case.x), states)
    np.testing.assert_allclose(again.output.numpy(), run.output, rtol=1e-12, atol=1e-13)


@each_variant
def test_derived_gradients_are_those_of_autograd(name: str) -> None:
    case = drawn(VARIANTS[name])
    leaves = {key: torch.from_numpy(value).requires_grad_() for key, value in leaves_of(case).items()}
    masks = {key: torch.from_numpy(mask) for key, mask in case.masks.items()}
    fixed = {key: None if key in case.step_masks else mask for key, mask in masks.items()}
    states = [leaves[f"state:{s.name}"] for s in case.cell.states]
    run = unroll(
        Recurrence(case.cell, leaves, fixed, torch_arrays()),
        leaves["x"],
        states,
        step_masks={key: masks[key] for key in case.step_masks},
    )
    to_output, to_states = weights_of_loss(case)
    loss = (run.output * torch.from_numpy(to_output)).sum()
    loss = loss + sum((s * torch.from_numpy(w)).sum() for s, w in zip(run.states, to_states, strict=True))
    loss.backward()
    found = derived(case)
    assert set(found) == set(leaves)
    for key, leaf in leaves.items():
        expected = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        np.testing.assert_allclose(found[key], expected, rtol=1e-10, atol=1e-10, err_msg=key)


@pytest.mark.parametrize("name", rotating(VARIANTS))  # autograd judges every one
def test_derived_gradients_are_finite_differences(name: str) -> None:
    case = drawn(VARIANTS[name])  # no kink lies within the 3e-4 that the difference reaches to either side
    to_output, to_states = weights_of_loss(case)
    found, random = derived(case), np.random.default_rng(2)
    for key, value in leaves_of(case).items():
        direction = random.normal(size=value.shape)
        direction /= np.sqrt((direction**2).sum())
        slope = along(loss_of(case, key, to_output, to_states), value, direction)
        np.testing.assert_allclose((found[key] * direction).sum(), slope, rtol=1e-8, atol=1e-9, err_msg=key)


def loss_of(case: Case, key: str, to_output: np.ndarray, to_states: list[np.ndarray]) -> Callable[..., float]:
    def loss(value: np.ndarray) -> float:
        leaves = {**leaves_of(case), key: value}
        states = [leaves[f"state:{s.name}"] for s in case.cell.states]
        fixed = {k: None if k in case.step_masks else mask for k, mask in case.masks.items()}
        run = unroll(Recurrence(case.cell, leaves, fixed), leaves["x"], states, step_masks=case.step_masks)
        last = sum((s * w).sum() for s, w in zip(run.states, to_states, strict=True))
        return float((run.output * to_output).sum() + last)

    return loss


def test_every_entry_of_an_lstm_by_differences() -> None:
    """The test above walks along one direction of each array; here every number is moved on its own."""
    case = drawn(CELLS["lstm_peephole"], steps=3, batch=2)
    to_output, to_states = weights_of_loss(case)
    found = derived(case)
    for key, value in leaves_of(case).items():
        loss = loss_of(case, key, to_output, to_states)
        slopes = [along(loss, value, e.reshape(value.shape)) for e in np.eye(value.size)]
        np.testing.assert_allclose(found[key], np.reshape(slopes, value.shape), rtol=1e-8, atol=1e-9)


@each_variant
def test_padding_that_is_not_a_number_has_no_gradient(name: str) -> None:
    """Law 2 for gradients: sequences of 4, 2 and 0 steps against each alone, in torch."""
    case, lengths = drawn(VARIANTS[name]), [4, 2, 0]
    fixed = {key: torch.from_numpy(m) for key, m in case.masks.items() if key not in case.step_masks}
    per_step = {key: torch.from_numpy(mask) for key, mask in case.step_masks.items()}

    def gradients(rows: slice, steps: int, lengths: torch.Tensor | None) -> dict[str, np.ndarray]:
        x = case.x[:steps, rows].copy()
        for b, length in enumerate([] if lengths is None else lengths.tolist()):
            x[length:, b] = np.nan
        leaves = {key: torch.from_numpy(v).clone().requires_grad_() for key, v in case.parameters.items()}
        leaves["x"] = torch.from_numpy(x).requires_grad_()
        states = [torch.from_numpy(state[rows]) for state in case.states]
        masks = {key: fixed[key][rows] if key in fixed else None for key in case.masks}
        run = unroll(
            Recurrence(case.cell, leaves, masks, torch_arrays()),
            leaves["x"],
            states,
            lengths=lengths,
            step_masks={key: mask[:steps, rows] for key, mask in per_step.items()},
        )
        loss = (run.output**2).sum() + sum((state**2).sum() for state in run.states)
        if loss.requires_grad:
            loss.backward()
        return {k: np.zeros(v.shape) if v.grad is None else v.grad.numpy() for k, v in leaves.items()}

    together = gradients(slice(None), 4, torch.tensor(lengths))
    alone = [gradients(slice(b, b + 1), length, None) for b, length in enumerate(lengths)]
    for key in case.parameters:
        np.testing.assert_allclose(together[key], sum(g[key] for g in alone), rtol=1e-10, atol=1e-11)
    for b, length in enumerate(lengths):
        np.testing.assert_allclose(together["x"][:length, b : b + 1], alone[b]["x"], rtol=1e-10, atol=1e-11)
        np.testing.assert_array_equal(together["x"][length:, b], 0)
