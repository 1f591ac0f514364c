"""The picture of a comparison shows the numbers, all of them within its panels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hiddenstate.lens.recall.plan import Size, planned
from hiddenstate.lens.recall.view import CompareView, Measured, view_of


def view(networks: int = 2, seeds: int = 1) -> CompareView:
    cells = ["rnn", "lstm", "gru", "mgu", "janet", "cifg"][: networks // 2 or 1]
    activations = ["tanh", "relu"][: 2 if networks > 1 else 1]
    plan = planned(cells, activations, ["usual"], [5, 20, 100], range(seeds), size=Size(units=4))
    found = []
    for place in range(len(plan.networks)):
        accuracy = np.linspace(1, 0.1 * place, 3) * np.ones((seeds, 1)) - 0.01 * np.arange(seeds)[:, None]
        curve = (0.5 + 0.06 * place) ** np.arange(101) * np.ones((seeds, 1))
        found.append(Measured(accuracy, np.ones((seeds, 3)), curve, curve**0.5))
    return view_of(plan, found, np.arange(1.0, 1 + len(plan.networks)), 1.0)


def test_each_panel_holds_its_numbers() -> None:
    drawn = view(4)
    recall, time, before, after = drawn.plot().axes
    lines = [
        line for line in recall.get_lines() if len(line.get_xdata()) == 3 and line.get_linestyle() != "None"
    ]
    found = [np.asarray(line.get_ydata(), float) for line in lines[:4]]
    np.testing.assert_allclose(found, 100 * drawn.arrays["accuracy"].values)
    assert [label.get_text() for label in recall.get_xticklabels()] == ["5", "20", "100"]
    assert [patch.get_width() for patch in time.patches] == [1, 2, 3, 4]
    assert [label.get_text() for label in time.get_yticklabels()] == list(
        drawn.arrays["accuracy"].labels["network"]
    )
    for axes, name in ((before, "gradient_before"), (after, "gradient_after")):
        shown = [line.get_ydata() for line in axes.get_lines() if len(line.get_xdata()) == 101]
        np.testing.assert_allclose(shown, drawn.arrays[name].values)
    assert before.get_ylim() == after.get_ylim()
    assert before.get_ylim()[0] == pytest.approx(1e-12)  # what is less cannot be told apart
    assert [axes.get_xlabel() for axes in (recall, time)] == [
        "delay [steps]",
        "one training step at the longest delay [ms]",
    ]


@pytest.mark.parametrize("networks", [1, 2, 12])
def test_names_stand_apart_and_within_the_sheet(networks: int) -> None:
    from matplotlib.text import Annotation

    sheet = view(networks, seeds=2).plot()
    for axes in (sheet.axes[0], sheet.axes[3]):
        extents = [
            text.get_window_extent()
            for text in axes.texts
            if isinstance(text, Annotation) and text.get_text()
        ]
        assert len(extents) == networks
        ordered = sorted(extents, key=lambda extent: extent.y0)
        assert all(low.y1 <= high.y0 + 0.5 for low, high in pairwise(ordered))
        assert max(extent.x1 for extent in extents) <= sheet.bbox.x1
        assert max(extent.y1 for extent in extents) <= sheet.bbox.y1


def test_several_seeds_are_a_band() -> None:
    recall = view(2, seeds=3).plot().axes[0]
    assert len(recall.collections) == 2
    assert recall.get_title(loc="left") == "The symbol is recalled, median and range of 3 seeds"
