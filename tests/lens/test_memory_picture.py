"""The picture of what is remembered shows the view's numbers, whatever they are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from covering import rotating
from hiddenstate import lens, pictures
from hiddenstate.cells import CELLS
from hiddenstate.infer import Stack
from memory_cases import headed, inputs, leaky


def shades(axes: object) -> np.ndarray:
    (mesh,) = axes.collections[:1]
    return mesh.get_array()


@pytest.mark.parametrize("measure", ["occlusion", "jacobian", "integrated"])
def test_circles_and_maps_of_shares(measure: str) -> None:
    view = lens.memory(headed("lstm"), inputs(6), measure=measure)
    round_ones, share, _, answer, _ = view.plot().axes
    assert sum(text.get_text() == "6" for text in round_ones.texts) >= 1
    np.testing.assert_allclose(shades(share), view.arrays["share"].values)
    np.testing.assert_allclose(shades(answer), view.arrays["answer_share"].values)
    assert f"({measure})" in share.get_title("left")
    assert view.facts["answer"] in answer.get_title("left")
    assert view.facts["answers"][0] in [text.get_text() for text in answer.texts]
    np.testing.assert_allclose(view.filling.sum(1), 1.0)
    # what is not read yet is covered, not shaded as zero
    covered = [part for part in answer.collections[1:] if part.get_facecolor()[0].tolist() == [1, 1, 1, 1]]
    assert len(covered) == 5


@pytest.mark.parametrize(
    ("measure", "text"), rotating(product(("occlusion", "integrated", "jacobian"), range(6)), of=3)
)
def test_a_colour_means_the_same_whatever_the_text(measure: str, text: int) -> None:
    """Where no effect is below zero the colours still have room for one; norms never need it."""
    x = np.random.default_rng(3).normal(size=(6, 1, 3))[text]
    _, share, _, answer, _ = lens.memory(headed("lstm"), x, measure=measure).plot().axes
    low, high = answer.collections[0].get_clim()
    assert low == (0.0 if measure == "jacobian" else -high), "one word speaks for its answer"
    low, high = share.collections[0].get_clim()
    assert low == (-high if measure == "integrated" else 0.0)


def test_a_map_without_circles() -> None:
    for view in (
        lens.memory(leaky(0.9), np.ones((50, 1))),
        lens.memory(leaky(0.9), np.ones((12, 1)), measure="jacobian", moments=3),
    ):
        (share, _) = view.plot().axes
        np.testing.assert_allclose(shades(share), view.arrays["share"].values)
        assert share.get_xlabel() == "input"
        assert share.get_ylabel() == "after"


@pytest.mark.parametrize("measure", ["occlusion", "integrated"])
def test_a_state_that_holds_nothing_is_crossed_out(measure: str) -> None:
    cell = CELLS["rnn"].with_activations("relu")
    shapes = {"weight_ih_l0": (2, 1), "weight_hh_l0": (2, 2), "bias_ih_l0": (2,), "bias_hh_l0": (2,)}
    stack = Stack(cell, 1, 2, {name: np.full(shape, -1.0) for name, shape in shapes.items()})
    view = lens.memory(stack, np.array([[1.0], [1.0], [-9.0]]), measure=measure)
    _, share, _ = view.plot().axes
    drawn = shades(share)
    assert drawn.mask[np.tril_indices(2)].all(), "relu is off for the first two"
    assert not drawn.mask[2].any()
    np.testing.assert_allclose(view.filling.sum(1), [0.0, 0.0, 1.0])
    assert b"<svg" in view.svg()
    assert "NaN" not in view.html()


def test_what_circles_do_not_tell_by_themselves_is_said() -> None:
    def titles(words: int) -> list[str]:
        axes = lens.memory(leaky(0.9), np.ones((words, 1))).plot().axes
        return [" ".join(each.get_title("left").split()) for each in axes]

    assert titles(10)[0].endswith("that number. Bands stand from below in reading order.")
    assert titles(11)[0].endswith("in reading order; colours repeat after 10 words.")
    assert titles(41)[0].startswith("More than 40 words: maps alone. Share of the hidden state (occlusion);")
    assert "beyond the bar's end is not told apart" in titles(41)[0]


@pytest.mark.parametrize(
    "steps", [1, *(pytest.param(steps, marks=pytest.mark.slow) for steps in (2, 13)), 40]
)
def test_of_any_length(steps: int) -> None:
    figure = lens.memory(headed("gru"), inputs(steps)).plot()
    assert pictures.png(figure)[:4] == b"\x89PNG"
    assert len(figure.axes) == 5
