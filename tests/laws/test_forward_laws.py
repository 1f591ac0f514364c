"""Laws 1 to 4 on the reference path in float64, for every cell and every change of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cell_cases import VARIANTS, B, Case, F, T, drawn
from hiddenstate.derive.reference import Recurrence, Unrolled, unroll

# NumPy's products may add in another order where a batch has another size
CLOSE = {"rtol": 1e-12, "atol": 1e-13}
each_variant = pytest.mark.parametrize("name", VARIANTS)


def run(case: Case, rows=slice(None), steps=slice(None), states=None, **options) -> Unrolled:
    fixed = {name: None if name in case.step_masks else mask[rows] for name, mask in case.fixed_masks.items()}
    drawn_each_step = {name: mask[steps, rows] for name, mask in case.step_masks.items()}
    x = options.pop("x", case.x)[steps, rows]
    states = tuple(state[rows] for state in (case.states if states is None else states))
    recurrence = Recurrence(case.cell, case.parameters, fixed)
    return unroll(recurrence, x, states, step_masks=drawn_each_step, **options)


def assert_same(run: Unrolled, other: Unrolled) -> None:
    np.testing.assert_allclose(run.output, other.output, **CLOSE)
    for state, expected in zip(run.states, other.states, strict=True):
        np.testing.assert_allclose(state, expected, **CLOSE)


@each_variant
def test_batched_is_alone(name: str) -> None:
    case = drawn(VARIANTS[name])
    whole = run(case)
    for b in range(B):
        alone = run(case, rows=slice(b, b + 1))
        np.testing.assert_allclose(whole.output[:, b : b + 1], alone.output, **CLOSE)
        for state, expected in zip(whole.states, alone.states, strict=True):
            np.testing.assert_allclose(state[b : b + 1], expected, **CLOSE)


@each_variant
@pytest.mark.parametrize("reverse", [False, True])
def test_padding_changes_nothing(name: str, reverse: bool) -> None:
    case, lengths = drawn(VARIANTS[name]), np.array([T, 2, 0])
    x = case.x.copy()
    for b, length in enumerate(lengths):
        x[length:, b] = np.nan
    padded = run(case, x=x, lengths=lengths, reverse=reverse, keep=(case.cell.output,))
    for b, length in enumerate(lengths):
        alone = run(case, rows=slice(b, b + 1), steps=slice(length), reverse=reverse)
        np.testing.assert_allclose(padded.output[:length, b : b + 1], alone.output, **CLOSE)
        np.testing.assert_array_equal(padded.output[length:, b], 0)
        for state, expected in zip(padded.states, alone.states, strict=True):
            np.testing.assert_allclose(state[b : b + 1], expected, **CLOSE)
    for state, first in zip(padded.states, case.states, strict=True):
        np.testing.assert_array_equal(state[2], first[2])
    for kept in padded.kept.values():
        np.testing.assert_array_equal(kept[2:, 1], 0)
        assert np.isfinite(kept).all()


@each_variant
def test_one_call_is_chunks_is_single_steps(name: str) -> None:
    case = drawn(VARIANTS[name])
    whole = run(case)
    for cuts in ([0, 2, T], [0, 1, 1, T], list(range(T + 1))):
        states, outputs = case.states, []
        for first, last in pairwise(cuts):
            part = run(case, steps=slice(first, last), states=states)
            states = part.states
            outputs.append(part.output)
        assert_same(whole, Unrolled(np.concatenate(outputs), states, {}))


@each_variant
def test_reverse_is_flip(name: str) -> None:
    case = drawn(VARIANTS[name])
    backwards = run(case, reverse=True)
    flipped_masks = {key: mask[::-1] if key in case.step_masks else mask for key, mask in case.masks.items()}
    flipped = run(Case(case.cell, case.parameters, case.x[::-1], case.states, flipped_masks))
    assert_same(backwards, Unrolled(flipped.output[::-1], flipped.states, {}))
    full = run(case, reverse=True, lengths=np.full(B, T))
    assert_same(backwards, full)


@each_variant
def test_no_steps_and_no_sequences(name: str) -> None:
    case = drawn(VARIANTS[name])
    whole = run(case)
    no_steps = run(case, steps=slice(0))
    assert no_steps.output.shape == (0, *whole.output.shape[1:])
    for state, first in zip(no_steps.states, case.states, strict=True):
        np.testing.assert_array_equal(state, first)
    nobody = run(case, rows=slice(0))
    assert nobody.output.shape == (T, 0, whole.output.shape[2])
    assert [state.shape for state in nobody.states] == [(0, s.shape[1]) for s in case.states]


def test_the_input_is_read() -> None:
    """The laws above would hold for a cell that computes nothing."""
    for name, cell in VARIANTS.items():
        case = drawn(cell)
        other = run(case, x=case.x + np.eye(T)[0][:, None, None] * np.ones(F))
        assert np.abs(run(case).output - other.output).max() > 1e-3, name
