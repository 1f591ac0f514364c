"""Samples at one rate -> samples at another, whole or chunk by chunk: the same bits."""

from __future__ import annotations

import numpy as np

from hiddenstate.errors import InvalidArgument, require

LOWEST, HIGHEST = 1000, 768_000  # rates that recorders use


def resampled(samples: np.ndarray, source: float, target: float) -> np.ndarray:
    """Return [n] float32 samples at another rate, by soxr at high quality; the same array for the same rate.

    Raises MissingExtra where soxr is not installed.
    """
    if source == target:
        return samples
    return soxr().resample(samples, source, target)


class Resampler:
    """Takes chunks of a recording at one rate and gives them at another; together they are `resampled` of
    all.

    Raises InvalidArgument for a rate that no recorder uses, MissingExtra where soxr is not installed.
    """

    def __init__(self, source: int, target: int) -> None:
        for rate in (source, target):
            if not LOWEST <= rate <= HIGHEST:
                raise InvalidArgument(
                    f"expected a rate of {LOWEST} to {HIGHEST} samples a second, came {rate}."
                )
        same = source == target
        self._stream = None if same else soxr().ResampleStream(source, target, 1, dtype="float32")

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples [any] float32, give those that are ready [n]."""
        return samples if self._stream is None else self._stream.resample_chunk(samples)

    def finish(self) -> np.ndarray:
        """Give the last samples."""
        nothing = np.zeros(0, np.float32)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)


def soxr():  # type: ignore[no-untyped-def]
    """Return soxr; raises MissingExtra where it is not installed."""
    require("soxr", "changing the rate of a recording", extra="speech")
    import soxr as module

    return module
