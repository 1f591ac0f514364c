"""How many commands are missed, and how often does something else pass for one? Over all thresholds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hiddenstate.data.spoken import Spoken
from hiddenstate.tasks.speech.commands.listed import Commands
from hiddenstate.tasks.speech.commands.material import Strung
from hiddenstate.tasks.speech.commands.spotter import Spotter
from hiddenstate.tasks.speech.commands.spotting import Event
from hiddenstate.tasks.speech.reader import Listening

PAUSES = (0.5, 1.0)  # seconds between two recordings of the stream
AT_ONCE = 60.0  # seconds of the stream that are heard at once
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
LEAST = 0.5  # a threshold is never below it: more probable than not
MOST = 0.99
SHOWN = 3  # recordings that are named because they sounded like a command
SURE = 3.0  # with none in so many hours, there are fewer than 3 in so many (Hanley and Lippman-Hand 1983)


class Listens(Protocol):
    """What hears frames in blocks, and gives the log probabilities [steps, K] that they complete."""

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Take frames [n, M] more."""

    def finish(self) -> np.ndarray:
        """The last steps; nothing can follow them."""


@dataclass(frozen=True)
class Course:
    """Recordings as one endless stream, in a drawn order: where each ends (with the pause behind it), and the
    commands in it, as their places in the list."""

    stream: Strung
    said: tuple[tuple[int, ...], ...]
    ends: tuple[float, ...]

    @classmethod
    def of(cls, recordings: Sequence[Spoken], commands: Commands, seed: int) -> Course:
        """Lay them one behind another; transcripts are reduced to commands."""
        generator = np.random.default_rng([seed, 3])
        parts = [recordings[place] for place in generator.permutation(len(recordings))]
        pauses = generator.uniform(*PAUSES, len(parts) + 1)
        said = tuple(commands.heard(part.text) for part in parts)
        lengths = [part.seconds + pause for part, pause in zip(parts, pauses[1:], strict=True)]
        ends = pauses[0] + np.cumsum(lengths)
        stream = Strung("stream", tuple(parts), tuple(pauses.tolist()), int(generator.integers(2**31)))
        return cls(stream, said, tuple(ends.tolist()))

    @property
    def hours(self) -> float:
        """How long it is heard what holds no command."""
        starts = (self.stream.pauses[0], *self.ends)
        rows = zip(starts, self.ends, self.said, strict=False)
        return sum(end - start for start, end, said in rows if not said) / 3600

    @property
    def count(self) -> int:
        """How many commands are said."""
        return sum(map(len, self.said))

    def by_recording(self, events: Sequence[Event], step_seconds: float) -> list[list[Event]]:
        """The events of each recording, of its pause too."""
        found: list[list[Event]] = [[] for _ in self.said]
        for event in events:
            place = int(np.searchsorted(self.ends, (event.step + 1) * step_seconds))
            found[min(place, len(found) - 1)].append(event)
        return found


@dataclass(frozen=True)
class Tally:
    """What a threshold does: commands said, answered rightly, answers too many where some are said, and false
    alarms in so many hours of what holds none."""

    threshold: float
    said: int
    right: int
    spare: int
    alarms: int
    hours: float

    @property
    def misses(self) -> float | None:
        """The share of commands that were not answered, or with another."""
        return None if not self.said else 1 - self.right / self.said

    @property
    def per_hour(self) -> float | None:
        """False alarms an hour."""
        return self.alarms / self.hours if self.hours else None


@dataclass(frozen=True)
class Heard:
    """A course as a model heard it: the events of each recording, commands by their place in the list."""

    course: Course
    found: list[list[Event]]
    seconds: float  # of processor time, for a second of sound

    def tally(self, threshold: float) -> Tally:
        """Count what a threshold lets through."""
        right = spare = alarms = 0
        for said, events in zip(self.course.said, self.found, strict=True):
            answers = [event.command for event in events if event.score >= threshold]
            if said:
                hits = len(matched(said, answers))
                right += hits
                spare += max(0, len(answers) - len(said))
            else:
                alarms += len(answers)
        return Tally(threshold, self.course.count, right, spare, alarms, self.course.hours)

    def curve(self) -> list[Tally]:
        """What each of THRESHOLDS lets through."""
        return [self.tally(threshold) for threshold in THRESHOLDS]

    def wrong(self) -> list[tuple[float, str, int]]:
        """Score, recording and command of each event where no command was said, the surest first."""
        rows = zip(self.course.stream.parts, self.course.said, self.found, strict=True)
        found = [
            (event.score, part.name, event.command)
            for part, said, events in rows
            if not said
            for event in events
        ]
        return sorted(found, reverse=True)

    def chosen(self, most: float) -> float:
        """The threshold with at most so many false alarms an hour, and none where that cannot be told.

        It lies in the middle, in log odds, of the highest score that is not to pass and the lowest one of a
        command above it.
        """
        rows = list(zip(self.course.said, self.found, strict=True))
        others = [score for score, _, _ in self.wrong()]
        passing = math.floor(most * self.course.hours)
        limit = max([LEAST, *others[passing : passing + 1]])
        above = []
        for said, events in rows:
            loud = [event for event in events if event.score > limit]
            above += [loud[place].score for place in matched(said, [each.command for each in loud])]
        above += [score for score in others if score > limit]
        middle = 0.5 * (_odds(limit) + _odds(min(above, default=limit)))
        return min(MOST, max(LEAST, 1 / (1 + math.exp(-middle))))


def _odds(score: float) -> float:
    kept = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def matched(said: Sequence[int], answers: Sequence[int]) -> list[int]:
    """Places of the answers that are the longest row of those said, in turn: a common subsequence."""
    best: list[list[list[int]]] = [[[] for _ in range(len(answers) + 1)] for _ in range(len(said) + 1)]
    for row, wanted in enumerate(said, 1):
        for column, answer in enumerate(answers, 1):
            if wanted == answer:
                best[row][column] = [*best[row - 1][column - 1], column - 1]
            else:
                best[row][column] = max(best[row - 1][column], best[row][column - 1], key=len)
    return best[-1][-1]


def heard(spotter: Spotter, course: Course, rival: Listens | None = None) -> Heard:
    """Let a spotter hear a course as it hears a stream; a `rival` listens in place of its own network."""
    recogniser, began = spotter.recogniser, time.process_time()
    listening = Listening(recogniser.model) if rival is None else rival
    spotting, events = spotter.spotting(), list[Event]()
    features = recogniser.features.stream()
    for samples in _blocks(course.stream.pieces(spotter.spec.rate), AT_ONCE * spotter.spec.rate):
        events += spotting.feed(listening.feed(features.feed(samples)))
    events += spotting.feed(listening.feed(features.finish()))
    events += [*spotting.feed(listening.finish()), *spotting.finish()]
    spent = time.process_time() - began
    found = course.by_recording(events, recogniser.step_seconds)
    return Heard(course, found, spent / course.stream.seconds)


def _blocks(pieces: Iterator[np.ndarray], size: float) -> Iterator[np.ndarray]:
    """The same samples in longer pieces."""
    waiting: list[np.ndarray] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) >= size:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def surest(heard: Heard, commands: Sequence[str]) -> str:
    """In words, which recordings without a command sounded most like one; empty where none did."""
    found = [row for row in heard.wrong() if row[0] > LEAST][:SHOWN]
    named = ", ".join(f"{name} ({commands[place]}, {score:.3f})" for score, name, place in found)
    return f"What sounded most like a command and is none: {named}." if named else ""


def bound(tally: Tally) -> str:
    """In words, how many false alarms an hour there are, or how few there must be where none was heard."""
    if tally.per_hour is None:
        return "nothing without a command was heard"
    if tally.alarms:
        return f"{tally.per_hour:.1f} an hour ({tally.alarms} in {long(tally.hours)})"
    return f"none in {long(tally.hours)}: under {SURE / tally.hours:.0f} an hour, with 95 % certainty"


def long(hours: float) -> str:
    """A time in words.

    >>> long(1 / 3600), long(0.001), long(0.2), long(2.5)
    ('1 second', '4 seconds', '12.0 minutes', '2.5 hours')
    """
    if hours >= 1:
        return f"{hours:.1f} hours"
    seconds = round(3600 * hours)
    return f"{60 * hours:.1f} minutes" if seconds >= 60 else f"{seconds} second{'s' * (seconds != 1)}"
