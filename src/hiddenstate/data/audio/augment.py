"""Recordings changed in training, so that a model hears more voices, rooms and gaps than were recorded.

Everything is drawn from a NumPy generator: the same generator, the same changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.noises import Noises
from hiddenstate.data.audio.normalising import NEPERS
from hiddenstate.data.audio.resampling import resampled
from hiddenstate.errors import InvalidArgument, nearest

SLOWEST, FASTEST = 0.5, 2.0
LARGEST = 0.5  # tempo and tract
QUIETEST = 10  # a tenth of the frames is what silence is made of


@dataclass(frozen=True)
class Augmentation:
    """What is changed, and how much.

    speeds: one is drawn for each recording (Ko, Peddinti, Povey and Khudanpur, 2015: 0.9, 1, 1.1).
    tempo: features are slower or faster by a factor of exp(-tempo) to exp(tempo), at the same pitch.
    tract: their mels move by a factor of exp(-tract) to exp(tract), as in a longer or shorter vocal tract
    (Jaitly and Hinton, 2013). loudness: they are softer or louder by up to so many dB. silence: for
    half of the recordings nothing is said for up to so many seconds before and behind, in their quietest
    frames or digitally. noise_share: of the recordings get noise, at a ratio drawn from quietest_noise down
    to loudest_noise, in dB.

    Of normalised features, masks are set to 0, the mean (SpecAugment: Park et al., 2019): frequency_masks
    bands of 0 to frequency_width mels, time_masks gaps of 0 to time_width frames, none longer than time_share
    of the recording.

    Raises InvalidArgument for settings that cannot be.

    >>> Augmentation(speeds=(1.0,), noise_share=0.0).speed(np.random.default_rng(0))
    1.0
    """

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    tempo: float = 0.15
    tract: float = 0.1
    loudness: float = 10.0
    silence: float = 0.0
    noise_share: float = 0.5
    quietest_noise: float = 30.0
    loudest_noise: float = 10.0
    frequency_masks: int = 2
    frequency_width: int = 8
    time_masks: int = 2
    time_width: int = 30
    time_share: float = 0.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "speeds", tuple(self.speeds))
        for name, fits, wanted in (
            (
                "speeds",
                bool(self.speeds) and all(SLOWEST <= each <= FASTEST for each in self.speeds),
                "0.5 to 2",
            ),
            ("tempo", 0 <= self.tempo <= LARGEST, f"0 to {LARGEST:g}"),
            ("tract", 0 <= self.tract <= LARGEST, f"0 to {LARGEST:g}"),
            ("loudness", 0 <= self.loudness <= 60, "0 to 60 dB"),
            ("silence", 0 <= self.silence <= 60, "0 to 60 seconds"),
            ("noise_share", 0 <= self.noise_share <= 1, "0 to 1"),
            ("quietest_noise", self.loudest_noise <= self.quietest_noise <= 100, "loudest_noise to 100 dB"),
            ("loudest_noise", self.loudest_noise >= -50, "-50 dB or more"),
            ("frequency_masks", 0 <= self.frequency_masks <= 100, "0 to 100"),
            ("frequency_width", self.frequency_width >= 0, "0 or more"),
            ("time_masks", 0 <= self.time_masks <= 100, "0 to 100"),
            ("time_width", self.time_width >= 0, "0 or more"),
            ("time_share", 0 <= self.time_share <= 1, "0 to 1"),
        ):
            if not fits:
                raise InvalidArgument(
                    f"augmentation: {name} should be {wanted}, came {getattr(self, name)!r}."
                )

    def speed(self, generator: np.random.Generator) -> float:
        """Draw a speed."""
        return float(self.speeds[generator.integers(len(self.speeds))])

    def fewest_frames(self, frames: int) -> int:
        """How many frames are left of so many at the fastest tempo."""
        return max(1, round(frames * math.exp(-self.tempo)))

    def warped(self, plain: np.ndarray, mels: int, generator: np.random.Generator) -> np.ndarray:
        """Return plain features [T, F] at another tempo, of another vocal tract: [T', F] float32.

        Between frames, and between mels, lies the straight line; beyond the last mel its value goes on.
        """
        if not len(plain):
            return plain
        slower = math.exp(generator.uniform(-self.tempo, self.tempo)) if self.tempo else 1.0
        higher = math.exp(generator.uniform(-self.tract, self.tract)) if self.tract else 1.0
        frames, width = plain.shape
        at = np.linspace(0, frames - 1, max(1, round(frames * slower)))
        found = _between(plain, at) if self.tempo else plain
        if not self.tract:
            return found
        columns = np.minimum(np.arange(mels) / higher, mels - 1)
        bands = found.reshape(-1, mels).T  # slopes, where there are some, move with their mels
        return np.ascontiguousarray(_between(bands, columns).T.reshape(-1, width))

    def louder(self, plain: np.ndarray, features: Features, generator: np.random.Generator) -> np.ndarray:
        """Return plain features [T, F] of a softer or louder recording; slopes know of no loudness.

        Digital silence stays what it is.
        """
        if not self.loudness:
            return plain
        changed, mels = plain.copy(), features.mels
        gain = math.exp(NEPERS * generator.uniform(-self.loudness, self.loudness))
        power = np.exp(plain[:, :mels].astype(np.float64)) - features.floor
        changed[:, :mels] = np.log(gain * np.maximum(power, 0) + features.floor)
        return changed

    def amid_silence(
        self, plain: np.ndarray, features: Features, generator: np.random.Generator
    ) -> tuple[np.ndarray, int]:
        """Return plain features [T, F] with silence before and behind, or without, and how many frames of it
        are before."""
        if not (self.silence and len(plain)) or generator.random() < 0.5:
            return plain, 0
        most = round(self.silence / features.step)
        before, behind = (int(each) for each in generator.integers(0, most + 1, 2))
        if generator.random() < 0.5:
            rows = np.full((before + behind, features.mels), math.log(features.floor), np.float32)
        else:
            energies = plain[:, : features.mels]
            quiet = np.argsort(energies.mean(axis=1), kind="stable")[: max(1, len(plain) // QUIETEST)]
            rows = energies[generator.choice(quiet, before + behind)]
        silence = features.sloped(rows)
        return np.concatenate([silence[:before], plain, silence[before:]]), before

    def with_noise(self, plain: np.ndarray, noises: Noises, generator: np.random.Generator) -> np.ndarray:
        """Add noise to plain features [T, F], or not: `noise_share` of the recordings get it."""
        if generator.random() >= self.noise_share:
            return plain
        return noises.added(plain, generator.uniform(self.loudest_noise, self.quietest_noise), generator)

    def masked(self, features: np.ndarray, mels: int, generator: np.random.Generator) -> np.ndarray:
        """Return normalised features [T, F] with bands and gaps at 0; of slopes, those of the same mels."""
        masked = features.copy()
        frames, width = features.shape
        for _ in range(self.frequency_masks):
            size = int(generator.integers(min(self.frequency_width, mels) + 1))
            first = int(generator.integers(mels - size + 1))
            for order in range(0, width, mels):
                masked[:, order + first : order + first + size] = 0
        for _ in range(self.time_masks):
            size = int(generator.integers(min(self.time_width, int(self.time_share * frames)) + 1))
            first = int(generator.integers(frames - size + 1))
            masked[first : first + size] = 0
        return masked

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        return {**asdict(self), "speeds": list(self.speeds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Augmentation:
        """Build settings from `as_dict`; raises InvalidArgument for names that are none."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise InvalidArgument(f"augmentation has no setting {name!r}; {nearest(name, names)}")
        return cls(**values)


def _between(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows [n, F] at places [m] between the first, 0, and the last, n - 1: [m, F] float32."""
    low = at.astype(np.intp)
    share = (at - low).astype(np.float32)[:, None]
    return rows[low] * (1 - share) + rows[np.minimum(low + 1, len(rows) - 1)] * share


def faster(samples: np.ndarray, factor: float) -> np.ndarray:
    """Return a recording [n] played so many times as fast, with its pitch: [n / factor] float32, by soxr.

    Raises InvalidArgument for a factor that is not from 0.5 to 2.
    """
    if not SLOWEST <= factor <= FASTEST:
        raise InvalidArgument(f"speed: expected {SLOWEST:g} to {FASTEST:g}, came {factor}.")
    return resampled(samples, factor, 1.0)
