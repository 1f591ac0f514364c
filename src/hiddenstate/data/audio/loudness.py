"""Is a recording too quiet, clipped, silent or cut off? Asked while one still stands at the microphone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiddenstate.data.audio.noticing import CLIPPED, FLAT, FULL, SHORTEST

FRAME = 0.02  # seconds over which a level is taken
LOWEST = -100.0  # decibels below full scale; digital silence
HISS = -70.0  # what a gate lets through of a room is no speech, however silent it is otherwise
LOUD = 5  # so many frames are as loud as speech is; a click has fewer
RUN = 4  # so many frames on end are speech; a key that is pressed has fewer
QUIET = -38.0  # speech below it is too quiet
STANDS_OUT = 10.0  # decibels by which speech is louder than what is around it
LEAST = 6.0  # decibels above the noise from which a frame may be speech
UNUSABLE = ("short", "muted")  # faults that training refuses


@dataclass(frozen=True)
class Fault:
    """What is wrong with a recording: short, muted, silence, quiet, clipped, begins or ends; and in words."""

    kind: str
    words: str


@dataclass(frozen=True)
class Checked:
    """How a recording is: its seconds, when speech begins and ends in it, levels in decibels, and its faults.

    level: of its loudest tenth of a second; noise: of what is quiet in it; both below full scale.
    """

    seconds: float
    speech: tuple[float, float] | None
    level: float
    noise: float
    faults: tuple[Fault, ...]

    @property
    def usable(self) -> bool:
        """Whether it could be trained on in spite of its faults."""
        return not any(fault.kind in UNUSABLE for fault in self.faults)


def levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """The root mean square of every whole 20 ms of samples [n], in decibels below full scale [frames]."""
    size = round(FRAME * rate)
    whole = np.asarray(samples, np.float64)[: len(samples) // size * size].reshape(-1, size)
    return np.maximum(20 * np.log10(np.maximum(np.sqrt((whole**2).mean(1)), 1e-9)), LOWEST)


def spoken(found: np.ndarray) -> tuple[int, int] | None:
    """The first frame of speech among levels [frames], and the one behind its last; None where none is."""
    if len(found) < LOUD:
        return None
    noise, loud = _noise(found), _loud(found)
    if loud - max(noise, HISS) < STANDS_OUT:
        return None
    least = max(noise, HISS) + max(LEAST, (loud - max(noise, HISS)) / 3)
    runs = np.lib.stride_tricks.sliding_window_view(found >= least, RUN).all(1)
    starts = np.flatnonzero(runs)
    return (int(starts[0]), int(starts[-1]) + RUN) if len(starts) else None


def quiet_behind(found: np.ndarray) -> float:
    """For how many seconds nothing was said any more; 0 where nothing was said at all, or too quietly."""
    part = spoken(found)
    return 0.0 if part is None or _loud(found) < QUIET else (len(found) - part[1]) * FRAME


def checked(samples: np.ndarray, rate: int) -> Checked:
    """Say how a recording of one thing said is, samples [n] between -1 and 1.

    >>> hum = 0.3 * np.sin(np.arange(16000) * 0.2)
    >>> [fault.kind for fault in checked(hum, 16000).faults], checked(0 * hum, 16000).faults[0].kind
    (['silence'], 'muted')
    """
    seconds = len(samples) / rate
    if seconds < max(SHORTEST, LOUD * FRAME):
        words = f"{seconds:.2f} s: too short to hold a word. Is the microphone on? Take your time."
        return Checked(seconds, None, LOWEST, LOWEST, (Fault("short", words),))
    found = levels(samples, rate)
    part, level, noise = spoken(found), _loud(found), _noise(found)
    faults = _faults(samples, found, part, level)
    times = None if part is None else (part[0] * FRAME, part[1] * FRAME)
    return Checked(seconds, times, level, noise, faults)


def _faults(
    samples: np.ndarray, found: np.ndarray, part: tuple[int, int] | None, level: float
) -> tuple[Fault, ...]:
    if (samples == samples[0]).all():
        return (Fault("muted", "nothing was recorded: every sample is the same. Is the microphone muted?"),)
    faults = []
    if part is None:
        words = "silence: nothing is louder than what is around it. Speak after the sign, and wait a moment."
        faults.append(Fault("silence", words))
    elif level < QUIET:
        words = (
            f"too quiet: {level:.0f} dB, expected {QUIET:.0f} dB at least. Move closer, or raise its level."
        )
        faults.append(Fault("quiet", words))
    size = np.abs(samples)
    flat = (size[1:] >= FULL) & (np.abs(np.diff(samples)) <= FLAT)
    share = flat.sum() / (len(samples) if part is None else (part[1] - part[0]) / len(found) * len(samples))
    if share > CLIPPED:
        words = f"clipped: {100 * share:.1f} % of it is cut off at full scale. Move away, or turn it down."
        faults.append(Fault("clipped", words))
    if part is not None and part[0] <= 1:
        faults.append(Fault("begins", "cut off: it begins in the middle of a sound. Speak after the sign."))
    if part is not None and part[1] >= len(found) - 1:
        faults.append(Fault("ends", "cut off: it ends in the middle of a sound. Wait a moment in the end."))
    return tuple(faults)


def _noise(found: np.ndarray) -> float:
    return float(np.percentile(found, 10))


def _loud(found: np.ndarray) -> float:
    return float(np.sort(found)[-min(LOUD, len(found))])
