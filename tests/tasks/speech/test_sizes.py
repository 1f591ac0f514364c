"""The presets keep their promise: for every cell, in both directions, as whole models count them in torch."""

from __future__ import annotations

import pytest

from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.model import SpeechModel

SYMBOLS = 40


def count(**settings: object) -> int:
    """The parameters of a recogniser that is about to learn."""
    spec = SpeechSpec.from_options({"data": "x", **settings})
    return sum(each.numel() for each in SpeechModel(spec, SYMBOLS).parameters())


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "lstm_projected"])
def test_presets_hold_a_number_of_parameters(cell: str, bidirectional: bool) -> None:
    assert 850_000 < count(cell=cell, bidirectional=bidirectional) < 1_000_000
    base = count(cell=cell, bidirectional=bidirectional, preset="base")
    assert 4_500_000 < base < 5_200_000


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_the_units_for_it(cell: str, bidirectional: bool) -> None:
    assert 820_000 < count(cell=cell, bidirectional=bidirectional) < 1_000_000


def test_what_is_said_of_the_size_holds() -> None:
    spec = SpeechSpec.from_options({"data": "x", "cell": "gru", "hidden": 12, "layers": 4, "preset": "base"})
    assert spec.size == (12, 4)
    assert SpeechSpec.from_options({"data": "x", "layers": 5, "bidirectional": False}).size == (256, 5)
    with pytest.raises(InvalidArgument, match="preset: input should be 'small' or 'base', came 'large'"):
        SpeechSpec.from_options({"data": "x", "preset": "large"})
