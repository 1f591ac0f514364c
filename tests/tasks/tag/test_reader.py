"""What answers without torch is what was trained with it: the reader against the torch model itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiddenstate.cells import CELLS
from hiddenstate.tasks.tag.encoding import TagEncoder
from hiddenstate.tasks.tag.model import TagModel
from hiddenstate.tasks.tag.reader import allowed, parameter_shapes
from hiddenstate.tasks.tag.spec import TagSpec

TEXTS = ["fly to New York", "is it raining", "?", "7 o'clock", "to to to to to to to"]
TAGS = ("O", "B-city", "I-city", "B-day", "I-day")
SMALL = {"data": "-", "hidden": 6, "embedding": 5, "letter_buckets": 32, "wide_buckets": 64}


def compare(intents: int = 3, **options: object) -> None:
    spec = TagSpec.from_options({**SMALL, **options})
    words = [text.split() for text in TEXTS]
    encoder = TagEncoder.build(words, [], spec, intents > 0)
    model = TagModel(spec, len(encoder.vocabulary), TAGS, intents).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
    shapes = parameter_shapes(spec, len(encoder.vocabulary), len(TAGS), intents)
    assert shapes == {name: tuple(value.shape) for name, value in model.state_dict().items()}
    units = [encoder.units(each) for each in words]
    batch = encoder.batch(units)
    expected, found = model.scores(batch), model.reader().scores(batch)
    inside = np.arange(len(batch.words))[:, None] < batch.lengths
    assert np.ptp(expected.emissions[inside]) > 0.5
    np.testing.assert_allclose(found.emissions[inside], expected.emissions[inside], atol=1e-5)
    assert expected.intents.shape == (len(TEXTS), intents)
    np.testing.assert_allclose(found.intents, expected.intents, atol=1e-5)
    for row, each in enumerate(units):
        alone = model.reader().scores(encoder.batch([each]))
        np.testing.assert_array_equal(alone.emissions[:, 0], found.emissions[: len(each), row])


@pytest.mark.parametrize("cell", CELLS)
def test_the_reader_scores_as_the_model_does(cell: str) -> None:
    compare(cell=cell)


@pytest.mark.parametrize(
    "options",
    [
        {"intents": 0},
        {"bidirectional": False, "readout": "last,mean"},
        {"layers": 2, "cell": "gru"},
        {"wide": False},
        {"wide_share": 0.25, "readout": "attention"},
        {"activation": "g=softsign"},
    ],
)
def test_with_each_setting(options: dict[str, object]) -> None:
    compare(**options)


def test_what_may_follow_what() -> None:
    starts, follows = allowed(TAGS)
    assert [tag for tag, may in zip(TAGS, starts, strict=True) if not may] == ["I-city", "I-day"]
    wrong = {(a, b) for i, a in enumerate(TAGS) for j, b in enumerate(TAGS) if not follows[i, j]}
    assert wrong == {
        ("O", "I-city"),
        ("O", "I-day"),
        ("B-city", "I-day"),
        ("I-city", "I-day"),
        ("B-day", "I-city"),
        ("I-day", "I-city"),
    }
