"""What is noticed of samples, from files or given as arrays: what is no sound, and what is doubtful."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hiddenstate.data.audio.mel import floats
from hiddenstate.errors import DataError

SHORTEST = 0.025  # seconds: one window
BLOCK = 2**18  # samples that are read at once, of all channels
FULL = 0.98  # of full scale: a flat top above it is clipped
FLAT = 1e-4  # how little samples of a flat top differ
CLIPPED = 0.001  # share of clipped samples from which it is said
CANCELLED = 1e-3  # share of a channel's peak; an average below it is what rounding leaves
LOUDEST = 8.0  # of a float file; above, its numbers are not from -1 to 1


def whole(samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a recording [n], floats or int16, as float32 from -1 to 1, and sentences on its faults.

    Raises DataError for what a file is refused for, InvalidArgument for what is no row of samples.

    >>> whole(np.array([0, 16384] * 200, np.int16), 16000, "a")[0][:2].tolist()
    [0.0, 0.5]
    """
    found = floats(samples)
    check_long_enough(name, len(found), rate)
    heard = Noticed(name, rate)
    for at in range(0, len(found), BLOCK):
        heard.mixed(found[at : at + BLOCK, None])
    return found, heard.notes()


def chunk(samples: np.ndarray) -> np.ndarray:
    """Return some samples [n] of a stream as float32 from -1 to 1; silence is no fault of them.

    Raises DataError where they are far from -1 to 1, InvalidArgument for what is no row of samples.
    """
    found = floats(samples)
    _check_level("the samples", float(np.abs(found).max(initial=0.0)))
    return found


def check_long_enough(name: Path | str, count: int, rate: int) -> None:
    """Raise DataError for fewer samples than one window."""
    if count < SHORTEST * rate:
        raise DataError(
            f"{name}: expected at least {SHORTEST:g} seconds, came {count} sample{'s' * (count != 1)} at "
            f"{rate} Hz ({count / rate:.4f} s). Record it again, or leave it out."
        )


def _check_level(name: Path | str, peak: float) -> None:
    if peak > LOUDEST:
        raise DataError(
            f"{name}: expected samples from -1 to 1, came {peak:g}. Were whole numbers written as floats? "
            "Divide by the largest that they can be (32768 for 16 bits)."
        )


class Noticed:
    """What is noticed while blocks of a recording go by: what is no sample, silence, clipping."""

    def __init__(self, path: Path | str, rate: int) -> None:
        self.samples = 0
        self._path, self._rate = path, rate
        self._clipped = self._values = 0
        self._peak = self._peak_mixed = 0.0  # of any channel, and of their average
        self._first: float | None = None
        self._same = True  # throughout, after averaging

    def mixed(self, block: np.ndarray) -> np.ndarray:
        """Average the channels of [n, channels]; raises DataError for what is no sample."""
        if not np.isfinite(block).all():
            place, channel = (int(at) for at in np.argwhere(~np.isfinite(block))[0])
            raise DataError(
                f"{self._path}: expected samples that are numbers, came {block[place, channel]} at "
                f"{(self.samples + place) / self._rate:.3f} s. Convert it again from where it is whole."
            )
        level = np.abs(block)
        self._peak = max(self._peak, float(level.max()))
        _check_level(self._path, self._peak)
        flat = (level[1:] >= FULL) & (np.abs(np.diff(block, axis=0)) <= FLAT)
        self._clipped += int(flat.sum())
        self._values += block.size
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float64).astype(np.float32)
        self._peak_mixed = max(self._peak_mixed, float(np.abs(mono).max()))
        self._first = float(mono[0]) if self._first is None else self._first
        self._same = self._same and bool((mono == self._first).all())
        self.samples += len(block)
        return np.ascontiguousarray(mono)

    def notes(self) -> tuple[str, ...]:
        """Say what is doubtful; raises DataError for a recording that says nothing."""
        if self._peak_mixed < CANCELLED * self._peak:
            raise DataError(
                f"{self._path}: its channels cancel each other (one is the other turned over). Keep one of "
                "them."
            )
        if self._same:
            raise DataError(
                f"{self._path}: every sample is {self._first:g}: nothing was recorded. Was the microphone "
                "muted? Record it again, or leave it out."
            )
        notes = []
        if self._clipped > CLIPPED * self._values:
            share = 100 * self._clipped / self._values
            notes.append(
                f"{self._path}: {share:.1f} % of its samples are clipped. Record at a lower level; what was "
                "above is lost."
            )
        return tuple(notes)
