"""How fast does it fade? From the norms of a gradient by distance to a factor, a half-life and a verdict.

Letters: T distances, N sequences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

VANISHING, EXPLODING = 0.01, 100.0  # what arrives at the far end, against what set out
REACHED = 0.1  # the far end: the last distance that this share of the sequences has
SUBNORMAL = 1e-290  # below it a float64 loses its digits, and the slope of its logarithm
MOST_POINTS = 200  # of a curve, from which the slope is taken: their pairs are 19,900
QUANTILES = (0.1, 0.5, 0.9)

Key = TypeVar("Key")


@dataclass(frozen=True)
class Fading:
    """How a gradient changes on its way back, over a batch of sequences.

    `factor` is that of one step (median; `low` and `high` are the 10 and 90 % quantiles), None where there is
    no step to go back. `arrives` is the median share of it at the distance `span`; `ends` the distance from
    which on most gradients are exactly zero, or past what a number holds; `halved` the distance at which the
    median share first falls to half, between two steps as a fixed factor would.
    """

    word: str
    factor: float | None
    low: float | None
    high: float | None
    span: int
    arrives: float | None
    ends: int | None = None
    halved: float | None = None

    @property
    def half_life(self) -> float | None:
        """The steps in which the gradient halves; None where it does not fall, or not steadily."""
        return self.half_life_by_factor if self.steady else None

    @property
    def steady(self) -> bool:
        """Whether one factor a step leads to what arrives, and halves the gradient when it is halved.

        To what arrives give or take a quarter and a tenth of its logarithm, and in the same direction; to
        half of it within twice the time, or a step.
        """
        if self.factor is None or not self.arrives or math.isinf(self.arrives):
            return True
        expected, found = self.span * math.log(self.factor), math.log(self.arrives)
        if abs(found - expected) > math.log(1.25) + 0.1 * abs(expected):
            return False
        if expected * found < 0 and abs(found - expected) > 1e-9:
            return False
        if self.halved is None:
            return True
        steps = self.half_life_by_factor
        return steps is not None and abs(steps - self.halved) <= max(1.0, steps / 2, self.halved / 2)

    @property
    def half_life_by_factor(self) -> float | None:
        """The steps in which the factor alone would halve it, steady or not; None where it does not fall."""
        if self.factor is None or self.factor >= 1:
            return None
        return math.log(0.5) / math.log(self.factor) if self.factor > 0 else 0.0

    @property
    def thresholds(self) -> dict[str, float | None]:
        """What is called vanishing and exploding, at the far end and by the factor of a step."""
        step = [limit ** (1 / self.span) if self.span else None for limit in (VANISHING, EXPLODING)]
        return {
            "vanishing_below": VANISHING,
            "exploding_above": EXPLODING,
            "vanishing_factor_below": step[0],
            "exploding_factor_above": step[1],
        }

    def as_dict(self) -> dict[str, Any]:
        """What a program reads."""
        names = ("word", "factor", "low", "high", "half_life", "steady", "halved", "span", "arrives", "ends")
        return {("verdict" if name == "word" else name): getattr(self, name) for name in names}

    def sentence(self) -> str:
        """Say it in words, with the numbers that it rests on."""
        steps = _steps(self.span)
        if self.word == "one step":
            return "there is one step, and no way back through time to fade on; read something longer"
        if self.word == "nothing":
            return "no gradient sets out: it is exactly zero at every step"
        if self.arrives == 0 and self.ends is not None:
            under = self.factor is not None and self.factor**self.ends < SUBNORMAL
            left = "less than a number can hold" if under else "exactly nothing"
            return f"vanishing: {left} is left from {_steps(self.ends)} back on"
        if self.word == "exploding" and self.ends is not None:
            return f"exploding: past what a number can hold from {_steps(self.ends)} back on"
        if self.word == "exploding":
            times = f"{self.arrives:.3g} times as large"
            return f"exploding: the gradient is {times} {steps} back (above {EXPLODING:g} times)"
        left = f"{self.share()} of the gradient is left {steps} back"
        if self.arrives is not None and self.arrives > 1 + 1e-9:
            left = f"{self.arrives:.3g} times the gradient arrives {steps} back"
        if self.word == "vanishing":
            return f"vanishing: {left} (below {_percent(VANISHING)})"
        return f"healthy: {left} (between {_percent(VANISHING)} and {EXPLODING:g} times)"

    def share(self) -> str:
        """What arrives, as a person says it."""
        if self.arrives is None:
            return "-"
        return _percent(self.arrives)

    def pace(self) -> str:
        """The factor and what it means in steps."""
        if self.factor is None:
            return "no two steps to compare"
        if abs(self.factor - 1) < 1e-9:
            return "a factor of 1 a step: it neither falls nor grows"
        if not self.steady:
            step = f"by a factor of {self.factor:.4g} (median)"
            if self.halved is None:
                return f"it does not change steadily, from step to step {step}"
            gone = _steps(math.ceil(self.halved - 1e-9))
            return f"it does not change steadily: half is gone within {gone}, and a step changes it {step}"
        if self.half_life is not None:
            return f"a factor of {self.factor:.4g} a step: half is left after {_steps(self.half_life)}"
        doubled = math.log(2) / math.log(self.factor)
        return f"a factor of {self.factor:.4g} a step: twice as large after {_steps(doubled)}"


def fading(norms: np.ndarray) -> Fading:
    """Judge norms [T, N] by distance (NaN where a sequence is shorter).

    The factor is each sequence's median slope of the logarithm over all pairs of distances (Theil 1950; Sen
    1968), and of these the median; zeros have no logarithm and are left out.

    >>> found = fading(0.5 ** np.arange(9.0)[:, None])
    >>> found.word, round(found.factor, 12), round(found.half_life, 12), found.arrives
    ('vanishing', 0.5, 1.0, 0.00390625)
    """
    there = ~np.isnan(norms)
    reached = there.sum(1) >= max(1, math.ceil(REACHED * norms.shape[1]))
    span = int(np.flatnonzero(reached).max(initial=0))
    starts = norms[0] > 0
    if not np.nansum(norms > 0):
        return Fading("nothing", None, None, None, span, None)
    if span == 0:
        return Fading("one step", None, None, None, 0, None)
    slopes = [slope for column in norms.T if (slope := _slope(column)) is not None]
    low, factor, high = np.exp(np.quantile(slopes, QUANTILES)).tolist() if slopes else (None, None, None)
    far = there[span] & starts & np.isfinite(norms[0])
    with np.errstate(over="ignore"):
        arrives = float(_median(norms[span, far] / norms[0, far])) if far.any() else None
    if arrives is None and factor is not None:  # the loss does not touch the last step: its pace must do
        arrives = factor**span
    halved = _halved(norms[: span + 1, starts & np.isfinite(norms[0])])
    return Fading(_word(arrives), factor, low, high, span, arrives, _end(norms[: span + 1]), halved)


def quantiles(norms: np.ndarray) -> np.ndarray:
    """The quantiles [3, T] over the sequences of norms [T, N], NaN where no sequence is as long."""
    found = np.full((len(QUANTILES), len(norms)), np.nan)
    for distance, row in enumerate(norms):
        if (there := row[~np.isnan(row)]).size:
            method = "linear" if np.isfinite(there).all() else "nearest"  # between infinities is nothing
            found[:, distance] = np.quantile(there, QUANTILES, method=method)  # type: ignore[call-overload]
    return found


def _word(arrives: float | None) -> str:
    if arrives is None:
        return "nothing"
    if arrives < VANISHING:
        return "vanishing"
    return "exploding" if arrives > EXPLODING else "healthy"


def _slope(column: np.ndarray) -> float | None:
    """The median slope of the logarithm over all pairs of points; None where there are not two."""
    places = np.flatnonzero((column > SUBNORMAL) & np.isfinite(column))
    if len(places) < 2:
        return None
    if len(places) > MOST_POINTS:
        places = places[np.linspace(0, len(places) - 1, MOST_POINTS).round().astype(int)]
    logs = np.log(column[places])
    first, second = np.triu_indices(len(places), 1)
    return float(np.median((logs[second] - logs[first]) / (places[second] - places[first])))


def _end(norms: np.ndarray) -> int | None:
    """The first distance at which the median is zero, or no finite number."""
    middle = quantiles(norms)[1]
    over = np.flatnonzero((middle == 0) | np.isinf(middle))
    return int(over[0]) if over.size else None


def _halved(norms: np.ndarray) -> float | None:
    """The distance at which the median share of what set out is half, on straight lines of its logarithm."""
    with np.errstate(over="ignore"):
        shares = quantiles(norms / norms[0])[1]
    below = np.flatnonzero(shares <= 0.5)
    if not below.size:
        return None
    last = int(below[0])
    before, after = float(shares[last - 1]), float(shares[last])
    if after < SUBNORMAL or not math.isfinite(before):
        return float(last)
    return last - 1 + math.log(before / 0.5) / math.log(before / after)


def _median(values: np.ndarray) -> float:
    return float(np.quantile(values, 0.5, method="linear" if np.isfinite(values).all() else "nearest"))


def _percent(share: float) -> str:
    if 0 < share < 1e-5:
        return f"{share:.1e}"
    return f"{100 * share:.3g} %" if share < 2 else f"{share:.3g} times"


def _steps(count: float | None) -> str:
    written = f"{count:.3g}" if isinstance(count, float) and count < 1e4 else f"{count:,.0f}"
    return f"{written} step" if written == "1" else f"{written} steps"


def worst(found: Mapping[Key, Fading]) -> Key:
    """The key of the way back on which most is lost or gained."""

    def far(key: Key) -> float:
        arrives = found[key].arrives
        if arrives is None:
            return math.inf if found[key].word == "nothing" else 0.0
        return abs(math.log(arrives)) if 0 < arrives < math.inf else math.inf

    return max(found, key=far)
