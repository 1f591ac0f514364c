"""Told while it arrives, it is what the whole computation tells."""

from __future__ import annotations

import numpy as np
import pytest

from hiddenstate import lens
from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument
from memory_cases import F, headed, inputs


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_step_by_step_is_the_whole(name: str, both: bool) -> None:
    inside, x = headed(name, bidirectional=both), inputs(6)
    live = lens.LiveMemory(inside)
    for step in range(6):
        now = live.feed(x[step : step + 1])
        whole = lens.memory(inside, x[: step + 1])
        np.testing.assert_allclose(now.shares, whole.arrays["share"].values[-1], atol=1e-12)
        np.testing.assert_allclose(now.effects, whole.arrays["answer"].values[-1], atol=1e-12)
        assert now.answer == whole.facts["answer"]
        assert now.words == whole.words == tuple("012345"[: step + 1])
    assert live.view().as_dict() == lens.memory(inside, x).as_dict()


def test_several_at_once_and_a_new_beginning() -> None:
    inside, x = headed("gru"), inputs(5)
    live = lens.LiveMemory(inside)
    live.feed(x[:2])
    live.feed(x[2:])
    first = live.view().as_dict()
    assert first == lens.memory(inside, x).as_dict()
    live.reset()
    live.feed(x)
    assert live.view().as_dict() == first


def test_what_was_told_is_not_changed_by_what_comes() -> None:
    live = lens.LiveMemory(headed("lstm"))
    before = live.feed(inputs(3))
    kept = before.shares.copy()
    live.feed(inputs(2, seed=9))
    np.testing.assert_array_equal(before.shares, kept)
    np.testing.assert_array_equal(live.view().arrays["share"].values[2, :3], kept)


def test_wrong_use() -> None:
    live = lens.LiveMemory(headed("lstm"))
    for ask in (live.view, live.moment):
        with pytest.raises(InvalidArgument, match="feed a word first"):
            ask()
    with pytest.raises(InvalidArgument, match="reads vectors, not texts"):
        live.feed("word")
    assert live.room_for("word") == 0
    with pytest.raises(InvalidArgument, match="no step to read"):
        live.feed(np.zeros((0, F)))
    live.feed(inputs(1))
    with pytest.raises(InvalidArgument, match="input is not finite at step 1"):
        live.feed(np.full((1, F), np.nan))
    assert live.words == ("0",), "what was refused has left no trace"
    with pytest.raises(InvalidArgument, match="512 inputs apart at most"):
        live.feed(np.zeros((512, F)))
