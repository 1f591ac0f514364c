"""What features are: log-mel energies, their slopes, normalised; of a whole recording or chunk by chunk."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from hiddenstate.data.audio.mel import LogMelStream, Window, bank, frames_in
from hiddenstate.data.audio.normalising import BELOW, NEPERS, Running, Slopes, Sounding, Statistics, sounding
from hiddenstate.errors import InvalidArgument, nearest

NORMALISATIONS = ("running", "speaker", "training", "none")
LOWEST = -2.5  # deviations from the mean
COMPUTED = 1  # counted up whenever the same settings give other numbers, so that no cache brings old ones


@dataclass(frozen=True)
class Features:
    """Settings of log-mel features (Davis and Mermelstein, 1980); the way from samples [n] to [T, F] float32.

    Frame t is made of the samples from t * step for the length of the window; there is no padding at either
    end, so T = 1 + (n - window) // step, and none for less than a window. In float64, of each frame:

    1. pre-emphasis over the whole recording, where set: y[i] = x[i] - preemphasis * x[i - 1], with x[-1] = 0
    2. times the periodic Hann window; filled with zeros to the next power of two (`window_of().fft`)
    3. the power of its spectrum: |rfft|^2, divided by nothing
    4. summed by `mels` triangles, their corners evenly spaced on Slaney's mel scale from low to high Hz
       (None: half the rate), each with an area of 1 in Hz: librosa's filters.mel(htk=False, norm="slaney")
    5. the natural logarithm of (that + floor); rounded to float32

    Then slopes (`deltas` 1) and their slopes (2): regression over five frames, the ends repeated, which hold
    a stream back by two frames each. The normalisation comes last, of all F = mels * (1 + deltas) columns, by
    what sounds and 0.3 seconds around (`normalising.Sounding`), no energy below -2.5 deviations:

    - "running": by mean and deviation of the frames so far, older ones forgotten over `horizon` seconds,
      beginning with `statistics` (those of the training data) as if seen for `prior` seconds; for streams
    - "speaker": by the statistics of all that this speaker said, else of this recording
    - "training": by `statistics`, whoever speaks: for words so short that their own mean tells them apart
    - "none"

    In torch the frames are torch.stft(x', fft, step, window, hann, center=False), x' being x with
    (fft - window) // 2 zeros before it and the others of fft - window behind: it centres the window in its
    frame.

    Raises InvalidArgument for settings that do not fit together.

    >>> features = Features(rate=8000, normalisation="none")
    >>> features.of(np.zeros(8000, np.float32)).shape, features.of(np.zeros(8000, np.float32))[0, 0]
    ((98, 40), np.float32(-20.723267))
    """

    rate: int = 16000
    window: float = 0.025
    step: float = 0.010
    mels: int = 40
    low: float = 20.0
    high: float | None = None
    preemphasis: float = 0.0
    floor: float = 1e-9
    deltas: int = 0
    normalisation: str = "running"
    horizon: float = 3.0
    prior: float = 1.0
    statistics: Statistics | None = None

    def __post_init__(self) -> None:
        _check(self)
        bank(self.window_of())
        if self.statistics is not None and len(self.statistics.mean) != self.width:
            raise InvalidArgument(
                f"statistics: expected those of {self.width} features (mels * (1 + deltas)), came "
                f"{len(self.statistics.mean)}. Gather them anew with `fitted`."
            )

    @property
    def width(self) -> int:
        """F, the number of features of a frame."""
        return self.mels * (1 + self.deltas)

    def window_of(self) -> Window:
        """Return the sizes in samples."""
        return Window(
            self.rate,
            round(self.window * self.rate),
            round(self.step * self.rate),
            self.mels,
            self.low,
            self.rate / 2 if self.high is None else self.high,
            self.preemphasis,
            self.floor,
        )

    def frames_in(self, samples: int) -> int:
        """Return T, the frames of so many samples."""
        window = self.window_of()
        return frames_in(samples, window.window, window.step)

    def of(self, samples: np.ndarray, speaker: Statistics | None = None) -> np.ndarray:
        """Return the features [T, F] of a whole recording at `rate`: floats from -1 to 1, or int16.

        Raises InvalidArgument for what is no row of samples, DataError for one that is not a number.
        """
        return self.normalised(self.plain(samples), speaker)

    def plain(self, samples: np.ndarray) -> np.ndarray:
        """Return the features [T, F] before normalisation: what a cache keeps."""
        stages = _Stages([LogMelStream(self.window_of()), *_slopes(self)], self.width)
        return np.concatenate([stages.feed(samples), stages.finish()])

    def sloped(self, energies: np.ndarray) -> np.ndarray:
        """Return the plain features [T, F] of log-mel energies [T, mels]: with their slopes, where set."""
        rows = energies
        for each in _slopes(self):
            rows = np.concatenate([each.feed(rows), each.finish()]) if len(rows) else rows
        return rows if len(rows) else np.zeros((0, self.width), np.float32)

    def normalised(self, plain: np.ndarray, speaker: Statistics | None = None) -> np.ndarray:
        """Normalise the plain features [T, F] of a whole recording; speaker: all that its speaker said.

        Raises InvalidArgument for statistics that this normalisation does not take, or lacks.
        """
        if speaker is not None and self.normalisation != "speaker":
            raise InvalidArgument(
                f"a speaker's statistics go with normalisation='speaker'; this is {self.normalisation!r}."
            )
        if self.normalisation == "none" or not len(plain):
            return plain
        if self.normalisation == "running":
            return self._bounded(_running(self).feed(plain))
        known = _of_training(self) if self.normalisation == "training" else speaker
        return self._bounded((known or self.statistics_of([plain])).applied(plain))

    def _bounded(self, normalised: np.ndarray) -> np.ndarray:
        """Frames [n, F] in which no energy is further below its mean than LOWEST: quieter is all the same."""
        if self.normalisation != "none":
            np.maximum(normalised[:, : self.mels], LOWEST, out=normalised[:, : self.mels])
        return normalised

    def stream(self, speaker: Statistics | None = None) -> FeatureStream:
        """Begin a recording that comes in chunks.

        Raises InvalidArgument for normalisation "speaker" without the speaker's statistics: they are not
        known before the end.
        """
        return FeatureStream(self, speaker)

    def fitted(self, plain: Iterable[np.ndarray]) -> Features:
        """Return these settings with the statistics of the training data, given as `plain` made them."""
        return replace(self, statistics=self.statistics_of(plain))

    def statistics_of(self, plain: Iterable[np.ndarray]) -> Statistics:
        """Gather the statistics of what sounds in recordings [T, F], as `plain` made them: a speaker's.

        Raises InvalidArgument where there is no frame.
        """
        return Statistics.of(sounding(each, self.mels, self.floor, self.step) for each in plain)

    @property
    def key(self) -> str:
        """A SHA-256 of all that `plain` depends on."""
        settings = [COMPUTED, *asdict(self.window_of()).values(), self.deltas]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Features:
        """Build settings from `as_dict`; raises InvalidArgument for names that are none."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise InvalidArgument(f"features have no setting {name!r}; {nearest(name, names)}")
        given = dict(values)
        if given.get("statistics") is not None:
            given["statistics"] = Statistics.from_dict(given["statistics"])
        return cls(**given)


class FeatureStream:
    """Features of a recording that comes in chunks of any size: the same bits as of the whole."""

    def __init__(self, features: Features, speaker: Statistics | None = None) -> None:
        if (speaker is None) == (features.normalisation == "speaker"):
            raise InvalidArgument(
                "a stream with normalisation='speaker' needs the statistics of the speaker, and no other "
                f"takes them; this is {features.normalisation!r} {'without' if speaker is None else 'with'} "
                "them. Stream with normalisation='running'."
            )
        normal = [_running(features)] if features.normalisation == "running" else []
        self._stages = _Stages(
            [LogMelStream(features.window_of()), *_slopes(features), *normal], features.width
        )
        fixed = _of_training(features) if features.normalisation == "training" else None
        self._known = speaker or fixed
        self._bounded = features._bounded
        self._ended = False

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples [any], give the features [n, F] that they complete.

        Raises InvalidArgument after `finish`, and as `Features.of` does.
        """
        self._refuse_ended()
        return self._normalised(self._stages.feed(samples))

    def finish(self) -> np.ndarray:
        """End the recording: give the features [n, F] that waited for frames after them."""
        self._refuse_ended()
        self._ended = True
        return self._normalised(self._stages.finish())

    def _normalised(self, frames: np.ndarray) -> np.ndarray:
        return self._bounded(frames if self._known is None else self._known.applied(frames))

    def _refuse_ended(self) -> None:
        if self._ended:
            raise InvalidArgument("this stream has ended; begin another with `features.stream()`.")


class _Stages:
    """Stages one behind another: what one gives, the next takes."""

    def __init__(self, stages: list[Any], width: int) -> None:
        self._stages, self._width = stages, width

    def feed(self, rows: np.ndarray, first: int = 0) -> np.ndarray:
        for stage in self._stages[first:]:
            rows = stage.feed(rows)
        return rows

    def finish(self) -> np.ndarray:
        parts = [np.zeros((0, self._width), np.float32)]
        for place, stage in enumerate(self._stages[1:], 1):
            last = stage.finish()
            if len(last):
                parts.append(self.feed(last, place + 1))
        return np.concatenate(parts)


def _slopes(features: Features) -> list[Slopes]:
    return [Slopes(features.mels) for _ in range(features.deltas)]


def _running(features: Features) -> Running:
    known, noise = features.statistics, math.inf
    if known is not None and features.prior:
        noise = sum(known.mean[: features.mels]) / features.mels - NEPERS * BELOW
    sounds = Sounding(features.mels, features.floor, features.step, noise)
    return Running(features.horizon / features.step, sounds, known, features.prior / features.step)


def _of_training(features: Features) -> Statistics:
    if features.statistics is None:
        raise InvalidArgument(
            "normalisation='training' needs the statistics of the training data; gather them with `fitted`."
        )
    return features.statistics


def _check(features: Features) -> None:
    """Raise InvalidArgument for the first setting that cannot be used."""
    top = features.rate / 2 if features.high is None else features.high
    for name, fits, wanted in (
        (
            "rate",
            isinstance(features.rate, int) and 2000 <= features.rate <= 384_000,
            "2000 to 384000 a second",
        ),
        ("window", 0.002 <= features.window <= 1, "0.002 to 1 second"),
        ("step", 0.001 <= features.step <= features.window, "0.001 seconds to the length of the window"),
        ("mels", isinstance(features.mels, int) and 1 <= features.mels <= 512, "1 to 512"),
        ("high", 0 < top <= features.rate / 2, "at most half the rate"),
        ("low", 0 <= features.low < top, "0 to less than high"),
        ("preemphasis", 0 <= features.preemphasis < 1, "0 to less than 1"),
        ("floor", 1e-30 <= features.floor <= 1, "1e-30 to 1"),
        ("deltas", isinstance(features.deltas, int) and features.deltas in (0, 1, 2), "0, 1 or 2"),
        ("horizon", features.step <= features.horizon <= 1e6, "the step to a million seconds"),
        ("prior", 0 <= features.prior <= 1e6, "0 to a million seconds"),
    ):
        if not fits:
            raise InvalidArgument(f"features: {name} should be {wanted}, came {getattr(features, name)!r}.")
    if features.normalisation not in NORMALISATIONS:
        raise InvalidArgument(
            f"features: unknown normalisation {features.normalisation!r}; "
            f"{nearest(features.normalisation, NORMALISATIONS)}"
        )
