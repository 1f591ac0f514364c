"""Noise for recordings that are there as features: anew each time, in a fraction of a millisecond.

Sounds that have nothing to do with each other add up in power, whatever their phases (on average; what a
single frame has besides is left out). So noise is added to the mel energies, and no sample is heard again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.mel import to_hertz, to_mel

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}  # power falls with frequency to the power of minus this
LOWEST = 50.0  # Hz; below it brown noise would have nearly all of its power, and nobody hear it
SECONDS = 20.0  # of each colour, to begin anywhere in
VOICES = (3, 8)  # that speak at once in babble, at least and at most


@dataclass(frozen=True, eq=False)
class Noises:
    """Noise that can be added to plain features: white, pink, brown, and babble of other recordings.

    steady: mel energies [frames, mels] of each colour, of mean power 1; voices: plain features [T, F] that
    babble is made of, none for no babble; widths [mels]: of the filters in Hz, by which energies are power.
    """

    features: Features
    steady: tuple[np.ndarray, ...]
    voices: Sequence[np.ndarray]
    widths: np.ndarray

    @classmethod
    def of(cls, features: Features, voices: Sequence[np.ndarray] = (), seed: int = 0) -> Noises:
        """Make the colours, the same for the same seed."""
        window = features.window_of()
        corners = to_hertz(np.linspace(to_mel(window.low), to_mel(window.high), window.mels + 2))
        widths = (corners[2:] - corners[:-2]) / 2
        generator = np.random.default_rng(seed)
        steady = []
        for falling in COLOURS.values():
            samples = coloured(round(SECONDS * features.rate), features.rate, falling, generator)
            energies = np.exp(features.plain(samples)[:, : features.mels].astype(np.float64))
            steady.append(energies / _power(energies, widths))
        return cls(features, tuple(steady), voices, widths)

    def added(self, plain: np.ndarray, decibels: float, generator: np.random.Generator) -> np.ndarray:
        """Add noise of a drawn kind to plain features [T, F], whose mean power is then so many decibels above
        the noise's."""
        energies = np.exp(plain[:, : self.features.mels].astype(np.float64))
        noise = self._drawn(len(plain), generator)
        gain = _power(energies, self.widths) / (_power(noise, self.widths) * 10 ** (decibels / 10))
        return self.features.sloped(np.log(energies + gain * noise).astype(np.float32))

    def _drawn(self, frames: int, generator: np.random.Generator) -> np.ndarray:
        """The mel energies [frames, mels] of some noise."""
        kind = int(generator.integers(len(self.steady) + bool(self.voices)))
        if kind < len(self.steady):
            return _from_anywhere(self.steady[kind], frames, generator)
        noise = np.zeros((frames, self.features.mels))
        for _ in range(generator.integers(VOICES[0], VOICES[1] + 1)):
            voice = self.voices[int(generator.integers(len(self.voices)))][:, : self.features.mels]
            energies = np.exp(_from_anywhere(voice, frames, generator).astype(np.float64))
            noise += energies / _power(energies, self.widths)
        return noise


def coloured(count: int, rate: int, falling: float, generator: np.random.Generator) -> np.ndarray:
    """Draw noise [count] float32 whose power falls with frequency to the power of minus `falling`.

    >>> coloured(4, 16000, 1.0, np.random.default_rng(0)).dtype
    dtype('float32')
    """
    spectrum = np.fft.rfft(generator.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    heard = frequencies >= LOWEST
    spectrum[heard] *= frequencies[heard] ** (-falling / 2)
    spectrum[~heard] = 0.0
    samples = np.fft.irfft(spectrum, count)
    return (0.1 * samples / samples.std()).astype(np.float32)


def _from_anywhere(rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """So many rows from a drawn one on, the first again after the last."""
    return rows.take(np.arange(count) + int(generator.integers(len(rows))), axis=0, mode="wrap")


def _power(energies: np.ndarray, widths: np.ndarray) -> float:
    """The mean power that filters of an area of 1 hear, by the mel energies [T, mels] of frames."""
    return float((energies @ widths).mean())
