"""Where a word cannot have been said yet: before half of it was heard.

CTC (Graves et al., 2006) does not care in which step a word is written, and training soon settles for one
(Zeyer, Schlüter and Ney, 2021). Of a recording that holds one word as one symbol the first step is found most
easily, and whoever reads one way knows nothing there. So the steps up to the middle of the word's sound are
closed to symbols in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hiddenstate.data.spoken import Joined, Spoken
from hiddenstate.tasks.speech.commands.material import Strung
from hiddenstate.tasks.speech.spec import SpeechSpec

LOUD = np.log(100.0)  # in the logarithm of power: what is softer than the loudest by more is not the word's

Span = tuple[float, float]  # from and to, as shares of the recording: these stay when it is played faster


def known(recordings: Sequence[Spoken], spec: SpeechSpec) -> bool:
    """Whether it is known of each word when it is said, which is asked of a network that reads one way and
    writes whole words: commands are learned in strings of recordings, else each recording is of one word."""
    single = bool(spec.commands) or all(len(each.text.split()) == 1 for each in recordings)
    return single and spec.symbols == "words" and not spec.bidirectional


def spans(recording: Spoken | Strung, frames: np.ndarray, spec: SpeechSpec) -> tuple[Span, ...]:
    """The parts of a recording with plain features [N, F], N at least 1, in which no word is written yet."""
    found = []
    for start, end in words(recording):
        first, last = int(start * len(frames)), int(np.ceil(end * len(frames)))
        found.append((start, start + (end - start) * middle(frames[first:last, : spec.mels])))
    return tuple(found)


def words(recording: Spoken | Strung) -> Iterator[Span]:
    """The pieces of a recording, as shares of it, of which each is known to hold one word and no other."""
    if not isinstance(recording, Joined | Strung):
        if len(recording.text.split()) == 1:
            yield 0.0, 1.0
        return
    at = 0.0
    for pause, part in zip(recording.pauses, recording.parts, strict=False):
        at += pause
        if len(part.text.split()) == 1:
            yield at / recording.seconds, (at + part.seconds) / recording.seconds
        at += part.seconds


def middle(frames: np.ndarray) -> float:
    """The share of frames [N, M] behind which lies half of the loud ones.

    >>> middle(np.array([[-20.0], [-20.0], [0.0], [-1.0]]))
    0.75
    """
    level = frames.mean(axis=1)
    loud = np.flatnonzero(level >= level.max() - LOUD)
    return float(loud[(len(loud) - 1) // 2] + 1) / len(frames)


def later(parts: tuple[Span, ...], before: float, share: float) -> tuple[Span, ...]:
    """The same parts of a recording that is only a share of what is heard, and begins later; what lies before
    it belongs to them.

    >>> later(((0.0, 0.5),), 0.5, 0.25)
    ((0.0, 0.625),)
    """
    return tuple((before + share * start if start else 0.0, before + share * end) for start, end in parts)


def closed(parts: tuple[Span, ...], steps: int) -> np.ndarray:
    """Which of some steps [T] lie in the parts as a whole; never the last one.

    >>> closed(((0.0, 0.5),), 4).tolist()
    [True, True, False, False]
    """
    shut = np.zeros(steps, bool)
    for start, end in parts:
        shut[round(start * steps) : int(end * steps)] = True
    shut[-1:] = False
    return shut
