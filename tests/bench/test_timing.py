"""Turns, medians, quartiles and ratios, on a clock that says what it is told."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from hiddenstate.bench import timing
from hiddenstate.bench.timing import Contender, Effort, Spread, difference, interleaved, ratio
from hiddenstate.errors import InvalidArgument


class Clock:
    """Time passes only where somebody works."""

    def __init__(self) -> None:
        self.now, self.log = 0.0, []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.log.append(name)
            self.now += seconds

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing, "perf_counter", made)
    return made


def test_median_and_quartiles() -> None:
    assert Spread.of([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([1.0, 2.0]) == Spread(1.5, 1.25, 1.75)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_a_ratio_is_that_of_the_medians_between_quartiles_of_the_rounds() -> None:
    found = ratio([2.0, 4.0, 6.0, 8.0, 10.0], [1.0, 1.0, 2.0, 2.0, 2.0])
    # rounds: 2, 4, 3, 4, 5
    assert found == Spread(6.0 / 2.0, 3.0, 4.0)
    with pytest.raises(InvalidArgument, match="came 2 and 1; time them together"):
        ratio([1.0, 2.0], [1.0])


def test_contenders_take_turns_and_everyone_begins_once(clock: Clock) -> None:
    both = [Contender(name, clock.work(name, seconds), dict) for name, seconds in (("a", 1.0), ("b", 3.0))]
    found = interleaved(both, Effort(seconds=8.0, fewest=1, most=9, turn=0.5))
    assert found == {"a": [1.0, 1.0], "b": [3.0, 3.0]}  # a round lasts 4 s, so two in 8 s
    assert "".join(clock.log[-4:]) == "abba"


def test_short_calls_are_timed_many_at_a_time(clock: Clock) -> None:
    short, long = Contender("s", clock.work("s", 0.001), dict), Contender("l", clock.work("l", 0.5), dict)
    found = interleaved([short, long], Effort(seconds=1.0, fewest=1, most=1, turn=0.0095))
    assert found["s"] == pytest.approx([0.001])
    assert "".join(clock.log[-12:]) == "s" * 11 + "l"  # one call whose time is not taken, and ten


def test_preparation_and_the_work_between_are_not_timed(clock: Clock) -> None:
    prepared = Contender("a", clock.work("a", 2.0), dict, before=clock.work("p", 5.0))
    found = interleaved([prepared], Effort(seconds=1.0, fewest=2, most=2), clock.work("o", 7.0))
    assert found == {"a": [2.0, 2.0]}
    assert "".join(clock.log[-6:]) == "opaopa"


def test_a_pause_is_before_every_turn_and_counts_for_the_rounds(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "sleep", lambda seconds: clock.work("z", seconds)())
    found = interleaved(
        [Contender("a", clock.work("a", 1.0), dict)], Effort(seconds=8.0, fewest=1, most=9), pause=3.0
    )
    assert found == {"a": [1.0, 1.0]}
    assert "".join(clock.log[-4:]) == "zaza"


def test_every_turn_is_inside_and_garbage_waits(clock: Clock) -> None:
    inside: list[bool] = []

    @contextmanager
    def surrounding() -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    def run() -> None:
        assert inside == [True]
        assert not gc.isenabled()
        clock.now += 1.0

    interleaved([Contender("a", run, dict, inside=surrounding)], Effort(seconds=1.0, fewest=1, most=1))
    assert inside == []
    assert gc.isenabled()


def test_rounds_fill_the_time_between_fewest_and_most() -> None:
    effort = Effort(seconds=10.0, fewest=3, most=20)
    assert [effort.rounds(one) for one in (100.0, 1.0, 0.01)] == [3, 10, 20]


def test_difference_is_a_share_of_the_largest_number() -> None:
    expected = {"h": np.array([[1.0, -4.0]]), "c": np.array([100.0])}
    assert difference({"h": np.array([[1.0, -4.0]])}, expected) == 0.0
    assert difference({"h": np.array([[1.2, -4.0]])}, expected) == pytest.approx(0.05)
    for wrong in ({"h": np.zeros(2)}, {"h": np.array([[1.0, math.nan]])}, {"x": np.zeros(1)}):
        assert difference(wrong, expected) == math.inf
