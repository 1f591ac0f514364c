"""Contenders in turn, round by round, so that what the machine does meanwhile meets all of them alike."""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Any

import numpy as np

from hiddenstate.errors import InvalidArgument

Values = dict[str, np.ndarray]


def _nothing() -> None:
    """What is done before a call that needs no preparation."""


@dataclass(frozen=True)
class Contender:
    """Who takes part: `run` is timed.

    `answer` computes what `run` would from a fresh start, by name, to be compared. `before` is done before
    each call and not timed; `inside` surrounds a turn of calls.
    """

    name: str
    run: Callable[[], Any]
    answer: Callable[[], Values]
    before: Callable[[], None] = _nothing
    inside: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, between `fewest` and `most`, until `seconds` are over.

    A turn lasts at least `turn` seconds, so that a call of microseconds is timed among many.
    """

    seconds: float = 2.0
    fewest: int = 5
    most: int = 41
    turn: float = 0.004

    def rounds(self, one: float) -> int:
        """How many rounds there will be if one lasts so many seconds."""
        return min(self.most, max(self.fewest, int(self.seconds / max(one, 1e-9))))


@dataclass(frozen=True)
class Spread:
    """A median between its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Median and quartiles of some values.

        >>> Spread.of([4.0, 1.0, 2.0, 3.0, 5.0])
        Spread(median=3.0, low=2.0, high=4.0)
        """
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)

    def as_dict(self) -> dict[str, float]:
        """Plain values."""
        return {"median": self.median, "low": self.low, "high": self.high}


def ratio(slower: Sequence[float], faster: Sequence[float]) -> Spread:
    """How many times as fast: the ratio of the medians, between the quartiles of the rounds' ratios.

    >>> ratio([2.0, 2.0, 9.0], [1.0, 2.0, 1.0])
    Spread(median=2.0, low=1.5, high=5.5)
    """
    if len(slower) != len(faster) or not slower:
        raise InvalidArgument(
            f"expected as many rounds of both, and at least one, came {len(slower)} and {len(faster)}; time "
            "them together"
        )
    rounds = Spread.of([a / b for a, b in zip(slower, faster, strict=True)])
    return Spread(statistics.median(slower) / statistics.median(faster), rounds.low, rounds.high)


def interleaved(
    contenders: Sequence[Contender],
    effort: Effort,
    between: Callable[[], None] = _nothing,
    pause: float = 0.0,
) -> dict[str, list[float]]:
    """Time contenders in turn; give the seconds of a call in each round, by name.

    `between` is done before each call and not timed, as an optimiser works between the steps of training.
    `pause` seconds before each turn let threads fall asleep that spin for more work. Who begins changes from
    round to round.
    """
    calls: dict[str, int] = {}
    with _undisturbed():
        one_round = 0.0
        for each in contenders:
            with each.inside():
                _turn(each, 1, between)  # what is made once is made here
                began = perf_counter()
                single = _turn(each, 1, between)
                calls[each.name] = max(1, math.ceil(effort.turn / max(single, 1e-9)))
                if calls[each.name] > 1:
                    began = perf_counter()
                    _turn(each, calls[each.name], between)
                one_round += pause + perf_counter() - began
        samples: dict[str, list[float]] = {each.name: [] for each in contenders}
        for number in range(effort.rounds(one_round)):
            first = number % len(contenders)
            for each in (*contenders[first:], *contenders[:first]):
                if pause:
                    sleep(pause)
                with each.inside():
                    if calls[each.name] > 1:  # the caches held another's numbers
                        _turn(each, 1, between)
                    samples[each.name].append(_turn(each, calls[each.name], between))
    return samples


def _turn(contender: Contender, calls: int, between: Callable[[], None]) -> float:
    """The seconds of one call, on average over several."""
    run, before = contender.run, contender.before
    if before is _nothing and between is _nothing:
        began = perf_counter()
        for _ in range(calls):
            run()
        return (perf_counter() - began) / calls
    spent = 0.0
    for _ in range(calls):
        between()
        before()
        began = perf_counter()
        run()
        spent += perf_counter() - began
    return spent / calls


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No collection of garbage while time is taken."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def difference(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """The largest difference of any value, as a share of the largest number expected of that name.

    Infinite where a shape differs, a number is not finite, or nothing is common to both.

    >>> difference({"h": np.array([1.0, 2.5])}, {"h": np.array([1.0, 2.0]), "c": np.array([9.0])})
    0.25
    """
    worst, common = 0.0, found.keys() & expected.keys()
    for name in common:
        a, b = found[name], expected[name]
        if a.shape != b.shape or not np.isfinite(a).all():
            return math.inf
        scale = max(float(np.abs(b).max(initial=0.0)), 1e-6)
        worst = max(worst, float(np.abs(a - b).max(initial=0.0)) / scale)
    return worst if common else math.inf
