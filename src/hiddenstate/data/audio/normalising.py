"""Slopes over time, and means and deviations taken out: the same bits whatever the chunks.

Means and deviations are those of the frames in which something sounds, and of some around them. How long
nothing is said before and behind then changes nothing, were it digital silence, far quieter than any room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.errors import InvalidArgument

LEAST = 1e-4  # added to every variance, so that what never changes becomes 0
REACH = 2  # frames to each side that a slope looks at
ANCHOR = 64  # frames between two fresh starts of the powers of the running mean, so that they stay small

NEPERS = math.log(10) / 10  # the logarithm of a power that is one decibel more
ABOVE = 10.0  # decibels above the noise from which a frame sounds
LASTING = 3  # frames that share samples
HELD = 0.3  # seconds around what sounds that count too
RISE = 3.0  # decibels a second that the noise can become louder unnoticed
BELOW = 20.0  # decibels that the noise lies below what sounds, as long as none was heard


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


class Sounding:
    """Says of frames whether something sounds in them, louder than the noise so far, or did shortly before.

    The noise is the quietest before, becoming louder by RISE (after Martin, 1994), of the loudest of LASTING
    frames each: a window that is in part digital silence is no room. `noise` is its level before the first.
    Digital silence itself, most of a frame's energies at the features' floor, is no noise, and changes none.
    """

    def __init__(self, mels: int, floor: float, step: float, noise: float = math.inf) -> None:
        self._mels, self._nothing = mels, math.log(2 * floor)
        self._rise, self._frames = NEPERS * RISE * step, 0
        self._noise = noise  # less what it rose since the first frame
        self._before = np.full(LASTING - 1, math.inf)
        self._held, self._since = round(HELD / step), math.inf  # frames; since something sounded

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Whether something sounds in the next frames [n, F], or did: [n] bool."""
        levels = self.levels(frames)
        since = _since(self.loud(levels), self._since)
        self._since = since[-1] if len(since) else self._since
        return np.isfinite(levels) & (since <= self._held)

    def around(self, frames: np.ndarray) -> np.ndarray:
        """The same of a whole recording [T, F], where what sounds shortly after is known too; all that holds
        anything where nothing stands out."""
        levels = self.levels(frames)
        self._noise, self._before = self.lasting(levels).min(), np.full(LASTING - 1, math.inf)
        loud = self.loud(levels)
        near = np.minimum(_since(loud, math.inf), _since(loud[::-1], math.inf)[::-1])
        heard = np.isfinite(levels)
        found = heard & (near <= self._held)
        return found if found.any() else heard

    def levels(self, frames: np.ndarray) -> np.ndarray:
        """How loud frames [n, F] are, as the mean of their log energies [n]; infinite where nothing is."""
        energies = frames[:, : self._mels].astype(np.float64)
        return np.where(np.median(energies, axis=1) > self._nothing, energies.mean(axis=1), math.inf)

    def lasting(self, levels: np.ndarray) -> np.ndarray:
        """Of each level [n] and those before it, the loudest."""
        rows = np.concatenate([self._before, levels])
        self._before = rows[len(levels) :]
        return np.lib.stride_tricks.sliding_window_view(rows, LASTING).max(axis=1)[: len(levels)]

    def loud(self, levels: np.ndarray) -> np.ndarray:
        """Which of the next levels [n] are above the noise."""
        risen = self._rise * (self._frames + np.cumsum(np.isfinite(levels)))
        lowest = np.minimum.accumulate(np.append(self._noise, self.lasting(levels) - risen))
        self._noise, self._frames = lowest[-1], self._frames + int(np.isfinite(levels).sum())
        return np.isfinite(levels) & (levels > lowest[1:] + risen + NEPERS * ABOVE)


def _since(loud: np.ndarray, before: float) -> np.ndarray:
    """How many frames ago the last of them was loud [n]; `before` of the frame before the first."""
    at = np.arange(len(loud))
    last = np.maximum.accumulate(np.append(-1 - before, np.where(loud, at, -math.inf)))
    return np.asarray(at - last[1:])


def sounding(frames: np.ndarray, mels: int, floor: float, step: float) -> np.ndarray:
    """Those of a whole recording's frames [T, F] in which something sounds; all where that cannot be told."""
    if not len(frames):
        return frames
    found = Sounding(mels, floor, step).around(frames)
    return frames[found] if found.any() else frames


class Running:
    """Normalises by the mean and deviation of what sounded up to each frame: it never looks ahead.

    Older frames count less, by exp(-1 / horizon) for each that sounds. `prior` counts like so many frames
    seen before the first; without it all frames count up to the first that sounds.
    """

    def __init__(
        self, horizon: float, sounds: Sounding, prior: Statistics | None = None, weight: float = 0.0
    ) -> None:
        self._decay, self._sounds = np.exp(-1.0 / horizon), sounds
        powers = np.arange(1, ANCHOR + 1)
        self._shrink, self._grow = self._decay**powers, self._decay**-powers
        self._counts = np.cumsum(self._grow)
        self._at = 0  # frames since the last anchor
        mean = np.array(prior.mean) if prior is not None else np.zeros(1)
        deviation = np.array(prior.deviation) if prior is not None else np.zeros(1)
        self._count = weight if prior is not None else 0.0  # at the anchor
        self._sum, self._squares = self._count * mean, self._count * (mean**2 + deviation**2)
        self._known = mean, deviation**2  # mean and variance after the last frame
        self._all = not self._count  # count

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Normalise the next frames [n, F] -> [n, F] float32."""
        if not len(frames):
            return np.zeros(frames.shape, np.float32)
        counts, exact = self._sounds.feed(frames), frames.astype(np.float64)
        if self._all:
            self._all = not counts.any()
            counts[: len(counts) if self._all else int(counts.argmax())] = True
        parts = [tuple(np.broadcast_to(each, exact[:1].shape) for each in self._known)]
        used, at = exact[counts], 0
        while at < len(used):
            size = min(ANCHOR - self._at, len(used) - at)
            parts.append(self._some(used[at : at + size]))
            at += size
        means, variances = (np.concatenate(rows) for rows in zip(*parts, strict=True))
        self._known = means[-1], variances[-1]
        last = np.cumsum(counts)  # of those that count, the last up to each frame
        return ((exact - means[last]) / np.sqrt(variances[last] + LEAST)).astype(np.float32)

    def finish(self) -> np.ndarray:
        """Give what is still held back: nothing."""
        return np.zeros((0, 0), np.float32)

    def _some(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and variances up to the next anchor: sums of growing powers, added one by one, shrunk."""
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
        return mean, variance


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
