"""Ten thousand steps: in bounded memory, with the numbers of the closed form."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from hiddenstate import lens
from hiddenstate.cells import CELLS
from hiddenstate.infer import Stack, stack_shapes
from memory_cases import headed, leaky

STEPS = 10_000


@pytest.mark.slow
def test_ten_thousand_steps() -> None:
    w, x = 0.999, np.random.default_rng(0).normal(size=(STEPS, 1))
    tracemalloc.start()
    views = {
        measure: lens.memory(leaky(w), x, measure=measure)
        for measure in ("occlusion", "jacobian", "integrated")
    }
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 64e6, "of all steps against all steps, 10,000 x 10,000 numbers would be 800 MB"

    distance = STEPS - 1 - np.arange(STEPS)
    held = views["jacobian"].arrays["amount"].values[-1]
    expected = np.sqrt((w ** (2.0 * distance)).reshape(200, 50).sum(1))
    np.testing.assert_allclose(held, expected, rtol=1e-9)
    parts = (w**distance * x[:, 0]).reshape(200, 50).sum(1)
    shares = views["integrated"].arrays["share"].values[-1]
    np.testing.assert_allclose(shares, parts / parts.sum(), atol=1e-9)
    amounts = views["occlusion"].arrays["amount"].values
    assert amounts.shape == (200, 200)
    for moment in (0, 99, 199):
        end = 50 * (moment + 1)
        whole = sum_of(w, x[:end, 0])
        parts = [slice(50 * i, 50 * i + 50) for i in range(moment + 1)]
        without = np.array([sum_of(w, np.delete(x[:end, 0], part)) for part in parts])
        np.testing.assert_allclose(amounts[moment, : moment + 1], np.abs(whole - without), atol=1e-10)
    facts = views["occlusion"].facts
    assert (facts["steps"], facts["inputs_told_apart"], facts["moments"]) == (STEPS, 200, 200)
    assert facts["joined"] == "10,000 steps, told apart in 200 parts of neighbours"
    assert views["jacobian"].facts["looked"] == "after 1 of 200 inputs, chosen evenly"
    assert views["occlusion"].title == "What the hidden state remembers of 10,000 steps"
    assert views["occlusion"].words[:2] == ("0..49", "50..99")


def sum_of(w: float, x: np.ndarray) -> float:
    return float((w ** (len(x) - 1.0 - np.arange(len(x))) * x).sum())


@pytest.mark.slow
def test_a_layer_of_many_units_and_both_ways() -> None:
    generator = np.random.default_rng(1)
    shapes = stack_shapes(CELLS["gru"], 4, 32, bidirectional=True)
    arrays = {name: generator.normal(size=shape, scale=0.2).astype("f4") for name, shape in shapes.items()}
    x = generator.normal(size=(2_000, 4)).astype("f4")
    tracemalloc.start()
    view = lens.memory(Stack(CELLS["gru"], 4, 32, arrays, bidirectional=True), x)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 400e6
    assert view.facts["inputs_told_apart"] == 50
    np.testing.assert_allclose(view.arrays["share"].values.sum(1), 1.0)


def test_neighbours_are_joined_and_moments_chosen() -> None:
    x = np.random.default_rng(2).normal(size=(10, 3))
    view = lens.memory(headed("lstm"), x, parts=4, moments=2)
    assert view.words == ("0..1", "2..4", "5..7", "8..9")
    assert view.arrays["share"].labels["after"] == ("2..4", "8..9")
    every = lens.memory(headed("lstm"), x, parts=4)
    for name in ("share", "amount", "answer", "answer_share"):
        np.testing.assert_array_equal(view.arrays[name].values, every.arrays[name].values[[1, 3]])
    alone = lens.memory(headed("lstm"), x, measure="jacobian")
    joined = lens.memory(headed("lstm"), x, measure="jacobian", parts=4).arrays["amount"].values[-1]
    squares = np.add.reduceat(alone.arrays["amount"].values[-1] ** 2, [0, 2, 5, 8])
    np.testing.assert_allclose(joined, np.sqrt(squares))
