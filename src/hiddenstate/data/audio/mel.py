"""Samples -> logarithms of mel energies, chunk by chunk: the same bits whatever the chunks.

A filter bank is two triangles' sides for every bin: the bins between two neighbouring corners rise in one
filter and fall in the one below. Sums over such segments are made row by row, so that a frame's numbers do
not depend on how many frames are computed beside it, as they do in a product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hiddenstate.errors import DataError, InvalidArgument

FRAMES = 64  # computed at once: a block of them stays in the cache; 256 take 1.6 times as long
SAMPLES = 2**18  # taken in at once: an hour is never held in float64
LINEAR = 1000.0  # Hz; Slaney's scale is linear below, logarithmic above
MELS_BELOW = 15.0  # mels up to there
MELS_AN_E = 27.0 / np.log(6.4)  # mels above for each factor e


@dataclass(frozen=True)
class Window:
    """How frames are cut from samples and what of them is kept: sizes in samples, frequencies in Hz."""

    rate: int
    window: int
    step: int
    mels: int
    low: float
    high: float
    preemphasis: float
    floor: float

    @property
    def fft(self) -> int:
        """The length of the transform: the window's, filled with zeros to a power of two."""
        return 1 << (self.window - 1).bit_length()


@dataclass(frozen=True, eq=False)
class Bank:
    """Triangular filters: the bins first to last, each bin's share in the filter it rises and falls in.

    starts [mels + 1]: where the segments between neighbouring corners begin; filled: which have bins.
    """

    first: int
    last: int
    rising: np.ndarray
    falling: np.ndarray
    starts: np.ndarray
    filled: np.ndarray

    def energies(self, power: np.ndarray) -> np.ndarray:
        """Sum power [n, bins] in each filter: [n, mels]."""
        share = np.zeros((len(power), len(self.rising) + 1))  # a column of zeros ends the last segment
        kept = power[:, self.first : self.last]
        np.multiply(kept, self.rising, out=share[:, :-1])
        rising = np.add.reduceat(share, self.starts, axis=1)
        np.multiply(kept, self.falling, out=share[:, :-1])
        falling = np.add.reduceat(share, self.starts, axis=1)
        rising *= self.filled  # of an empty segment, reduceat gives the next bin
        falling *= self.filled
        return rising[:, :-1] + falling[:, 1:]


def to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Convert Hz to mels by Slaney's scale (Auditory Toolbox, 1998): linear to 1000 Hz, then logarithmic.

    >>> to_mel(np.array([0.0, 500.0, 1000.0, 6400.0])).tolist()
    [0.0, 7.5, 15.0, 42.0]
    """
    hertz = np.asarray(hertz, np.float64)
    above = MELS_BELOW + MELS_AN_E * np.log(np.maximum(hertz, LINEAR) / LINEAR)
    return np.where(hertz < LINEAR, hertz * MELS_BELOW / LINEAR, above)


def to_hertz(mels: np.ndarray) -> np.ndarray:
    """Convert mels to Hz: the inverse of `to_mel`."""
    above = LINEAR * np.exp((np.maximum(mels, MELS_BELOW) - MELS_BELOW) / MELS_AN_E)
    return np.where(mels < MELS_BELOW, mels * LINEAR / MELS_BELOW, above)


@lru_cache(maxsize=32)
def bank(window: Window) -> Bank:
    """Lay out the filters: corners evenly spaced in mels, each triangle's area 1 (in Hz).

    Raises InvalidArgument where a filter is so narrow that it has no bin of the transform.
    """
    corners = to_hertz(np.linspace(to_mel(window.low), to_mel(window.high), window.mels + 2))
    bins = np.arange(window.fft // 2 + 1) * (window.rate / window.fft)
    first = int(np.searchsorted(bins, corners[0]))
    last = int(np.searchsorted(bins, corners[-1], side="right"))
    bins = bins[first:last]
    starts = np.searchsorted(bins, corners[:-1])
    segment = np.searchsorted(starts, np.arange(len(bins)), side="right") - 1
    width = np.diff(corners)
    area = 2.0 / (corners[2:] - corners[:-2])
    rising = (bins - corners[segment]) / width[segment] * np.append(area, 0.0)[segment]
    falling = (corners[segment + 1] - bins) / width[segment] * np.append(0.0, area)[segment]
    made = Bank(first, last, rising, falling, starts, np.diff(np.append(starts, len(bins))) > 0)
    empty = np.flatnonzero(made.energies(np.ones((1, window.fft // 2 + 1)))[0] <= 0)
    if len(empty):
        raise InvalidArgument(
            f"mels: expected filters that each have a frequency of the spectrum, came {window.mels} from "
            f"{window.low:g} to {window.high:g} Hz, of which {len(empty)} have none (the spectrum has one "
            f"every {window.rate / window.fft:.1f} Hz). Take fewer mels or a longer window."
        )
    return made


class LogMelStream:
    """Takes samples in chunks of any size; gives log-mel energies [n, mels] float32 of whole frames."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._bank = bank(window)
        self._hann = hann(window.window)
        self._rest = np.zeros(0)
        self._last = np.zeros(1)  # the sample before, for the pre-emphasis

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Take [n] samples, give the frames that they complete.

        Raises InvalidArgument for what is no row of samples, DataError for one that is not a number.
        """
        samples = checked(samples)
        parts = [self._block(samples[at : at + SAMPLES]) for at in range(0, len(samples), SAMPLES)]
        return np.concatenate(parts) if parts else np.zeros((0, self.window.mels), np.float32)

    def _block(self, samples: np.ndarray) -> np.ndarray:
        fresh = samples.astype(np.float64)
        if samples.dtype == np.int16:
            fresh /= 32768.0
        if not np.isfinite(fresh).all():
            place = int(np.flatnonzero(~np.isfinite(fresh))[0])
            raise DataError(
                f"expected samples that are numbers, came {fresh[place]} (sample {place} of a chunk of "
                f"{len(fresh)}). Record or convert it again."
            )
        if self.window.preemphasis:
            before = np.concatenate([self._last, fresh[:-1]])
            self._last = fresh[-1:]
            fresh = fresh - self.window.preemphasis * before
        self._rest = np.concatenate([self._rest, fresh])
        size, step = self.window.window, self.window.step
        count = frames_in(len(self._rest), size, step)
        logs = np.empty((count, self.window.mels), np.float32)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(self._rest, size)[::step]
            for at in range(0, count, FRAMES):
                logs[at : at + FRAMES] = self._logs(frames[at : at + min(FRAMES, count - at)])
        self._rest = self._rest[count * step :].copy()
        return logs

    def _logs(self, frames: np.ndarray) -> np.ndarray:
        padded = np.zeros((len(frames), self.window.fft))
        np.multiply(frames, self._hann, out=padded[:, : self.window.window])
        spectrum = np.fft.rfft(padded, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(self._bank.energies(power) + self.window.floor)


def frames_in(samples: int, window: int, step: int) -> int:
    """Count the whole windows in so many samples.

    >>> [frames_in(n, 400, 160) for n in (0, 399, 400, 559, 560)]
    [0, 0, 1, 1, 2]
    """
    return max(0, (samples - window) // step + 1)


def hann(size: int) -> np.ndarray:
    """Return the periodic Hann window [size]: 1/2 - cos(2 pi n / size) / 2."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)


def floats(samples: np.ndarray) -> np.ndarray:
    """Return a row of samples, floats or int16, as float32 from -1 to 1; raises as `checked` does.

    >>> floats(np.array([-32768, 16384], np.int16)).tolist()
    [-1.0, 0.5]
    """
    samples = checked(samples)
    found = samples.astype(np.float32)
    return found / np.float32(32768) if samples.dtype == np.int16 else found


def checked(samples: np.ndarray) -> np.ndarray:
    """Return a row of samples as it is; raises InvalidArgument for anything else."""
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise InvalidArgument(
            f"expected samples of one channel [n], came an array {list(samples.shape)}. Average the channels."
        )
    if samples.dtype.kind != "f" and samples.dtype != np.int16:
        raise InvalidArgument(
            f"expected samples as floats from -1 to 1 or as int16, came {samples.dtype}. Convert them: "
            "divide by the largest value that they can have."
        )
    return samples
