"""The picture: bars with their names, unit and quartiles."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hiddenstate import pictures
from hiddenstate.bench import Comparison, Work, picture

SAMPLES = {"hiddenstate": [0.0020, 0.0030, 0.0040], "torch.nn.LSTM": [0.0050, 0.0060, 0.0090]}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    kept: list[Figure] = []
    real = pictures.png
    monkeypatch.setattr(pictures, "png", lambda figure: kept.append(figure) or real(figure))
    return kept


def comparison(scale: float = 1.0, **work: object) -> Comparison:
    samples = {name: [value * scale for value in values] for name, values in SAMPLES.items()}
    sizes = {"cell": "lstm", "hidden": 8, "features": 5, "batch": 3, "steps": 6, **work}
    return Comparison(Work(**sizes), samples, {}, {}, {"backend": "reference", "isa": "none"})


@pytest.mark.parametrize(("scale", "unit"), [(1.0, "ms"), (0.001, "µs")])
def test_bars_are_as_long_as_the_medians(drawn: list[Figure], scale: float, unit: str) -> None:
    picture.bars(comparison(scale))
    (axes,) = drawn[0].axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([3.0, 6.0])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["hiddenstate", "torch.nn.LSTM"]
    assert axes.get_xlabel() == f"time of a call [{unit}]: median, and quartiles over 3 rounds"
    assert axes.get_title() == "lstm, 5 features, 8 units, 6 steps, batch 3, 1 thread"


def test_it_is_a_png_that_is_readable_in_grey() -> None:
    grey = np.asarray(Image.open(io.BytesIO(picture.bars(comparison(kind="training")))).convert("L"))
    assert grey.shape[1] == 840
    for shade in (62, 201):  # our dark and the peers' pale
        assert (np.abs(grey.astype(int) - shade) < 6).mean() > 0.02
