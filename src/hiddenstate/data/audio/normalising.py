"""Slopes over time, and means and deviations taken out: the same bits whatever the chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.errors import InvalidArgument

LEAST = 1e-4  # added to every variance, so that what never changes becomes 0
REACH = 2  # frames to each side that a slope looks at
ANCHOR = 64  # frames between two fresh starts of the powers of the running mean, so that they stay small


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each feature, over so many frames.

    >>> Statistics.of([np.array([[1.0, 5.0], [3.0, 5.0]])])
    Statistics(mean=(2.0, 5.0), deviation=(1.0, 0.0), frames=2)
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    frames: int

    def __post_init__(self) -> None:
        numbers = [*self.mean, *self.deviation]
        if (
            len(self.mean) != len(self.deviation)
            or not np.isfinite(numbers).all()
            or min(numbers[len(self.mean) :], default=0) < 0
        ):
            raise InvalidArgument(
                "expected a finite mean and a deviation of 0 or more for each feature, came "
                f"{len(self.mean)} means and {len(self.deviation)} deviations: {self.mean[:3]}..., "
                f"{self.deviation[:3]}..."
            )

    @classmethod
    def of(cls, features: Iterable[np.ndarray]) -> Statistics:
        """Gather the statistics of all frames of some recordings [T, F].

        Raises InvalidArgument where there is no frame.
        """
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for each in features:
            if not len(each):
                continue
            frames = each.astype(np.float64)
            here = frames.mean(axis=0)
            shift, both = here - mean, count + len(frames)
            squares = squares + ((frames - here) ** 2).sum(axis=0) + shift**2 * count * len(frames) / both
            mean = mean + shift * len(frames) / both  # Chan, Golub and LeVeque, 1979: no large squares cancel
            count = both
        if not count:
            raise InvalidArgument("expected at least one frame to take a mean of, came none.")
        return cls(tuple(mean.tolist()), tuple(np.sqrt(squares / count).tolist()), count)

    def applied(self, features: np.ndarray) -> np.ndarray:
        """Take the mean out of features [T, F] and divide by the deviation: float32."""
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        return ((features - mean) / np.sqrt(deviation**2 + LEAST)).astype(np.float32)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Statistics:
        """Build them from a dictionary; raises InvalidArgument for other names."""
        if set(values) != {"mean", "deviation", "frames"}:
            raise InvalidArgument(
                f"statistics: expected mean, deviation and frames, came {', '.join(values)}."
            )
        return cls(tuple(values["mean"]), tuple(values["deviation"]), values["frames"])


class Running:
    """Normalises by the mean and deviation up to each frame, that frame included: it never looks ahead.

    Older frames count less, by exp(-1 / horizon) a frame. `prior` counts like so many frames seen before the
    first.
    """

    def __init__(self, horizon: float, prior: Statistics | None = None, weight: float = 0.0) -> None:
        self._decay = np.exp(-1.0 / horizon)
        powers = np.arange(1, ANCHOR + 1)
        self._shrink, self._grow = self._decay**powers, self._decay**-powers
        self._counts = np.cumsum(self._grow)
        self._at = 0  # frames since the last anchor
        mean = np.array(prior.mean) if prior is not None else np.zeros(1)
        deviation = np.array(prior.deviation) if prior is not None else np.zeros(1)
        self._count = weight if prior is not None else 0.0  # at the anchor
        self._sum, self._squares = self._count * mean, self._count * (mean**2 + deviation**2)

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Normalise the next frames [n, F] -> [n, F] float32."""
        out = np.empty(frames.shape, np.float32)
        at = 0
        while at < len(frames):
            size = min(ANCHOR - self._at, len(frames) - at)
            out[at : at + size] = self._some(frames[at : at + size].astype(np.float64))
            at += size
        return out

    def finish(self) -> np.ndarray:
        """Give what is still held back: nothing."""
        return np.zeros((0, 0), np.float32)

    def _some(self, frames: np.ndarray) -> np.ndarray:
        """Normalise frames up to the next anchor: sums of growing powers, added one after another, shrunk."""
        here = slice(self._at, self._at + len(frames))
        grow, shrink = self._grow[here, None], self._shrink[here, None]
        width = frames.shape[1]
        sums = np.cumsum(np.vstack([np.broadcast_to(self._sum, (1, width)), frames * grow]), axis=0)
        squares = np.cumsum(np.vstack([np.broadcast_to(self._squares, (1, width)), frames**2 * grow]), axis=0)
        counts = (self._count + self._counts[here, None]) * shrink
        mean = sums[1:] * shrink / counts
        variance = np.maximum(squares[1:] * shrink / counts - mean**2, 0.0)
        self._sum, self._squares, self._at = sums[-1], squares[-1], here.stop
        if self._at == ANCHOR:
            self._sum, self._squares = self._sum * shrink[-1], self._squares * shrink[-1]
            self._count, self._at = float(counts[-1, 0]), 0
        return ((frames - mean) / np.sqrt(variance + LEAST)).astype(np.float32)


class Slopes:
    """Adds to each frame how its last `width` features change: the slope of a line through five frames.

    It gives a frame once the two after it are there (Furui, 1986). Beyond both ends the end frame repeats.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._kept: np.ndarray | None = None

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Take frames [n, F], give [m, F + width] float32: those whose slopes are known."""
        if not len(frames):
            return np.zeros((0, frames.shape[1] + self._width), np.float32)
        before = self._kept if self._kept is not None else np.repeat(frames[:1], REACH, axis=0)
        rows = np.concatenate([before, frames])
        self._kept = rows[-2 * REACH :].copy()
        if len(rows) <= 2 * REACH:
            return np.zeros((0, frames.shape[1] + self._width), np.float32)
        last = rows[:, rows.shape[1] - self._width :].astype(np.float64)
        slopes = (2.0 * (last[4:] - last[:-4]) + (last[3:-1] - last[1:-3])) / 10.0
        return np.concatenate([rows[2:-2], slopes.astype(np.float32)], axis=1)

    def finish(self) -> np.ndarray:
        """Give the last frames."""
        if self._kept is None:
            return np.zeros((0, 0), np.float32)
        return self.feed(np.repeat(self._kept[-1:], REACH, axis=0))
