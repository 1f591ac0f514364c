"""From probabilities of symbols to commands: what was said last, with score and time, each once. No torch.

Letters: K symbols, the blank first, C of them commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.tasks.speech.symbols import BLANK

FORGET = 0.5  # seconds after which a command that was half heard counts a third
WAIT = 0.2  # seconds in which a better reading of the same sound may come
GROWN = 0.05  # a score that is higher by less is that of the same moment
ENDED = 0.1  # a symbol less probable than this sounds no more
FLOOR = 0.01  # what is less probable than this is not even noted


@dataclass(frozen=True)
class Event:
    """Perhaps a command: its place in the list, how probable it is that it was said, the step of its end."""

    command: int
    score: float
    step: int


class Spotting:
    """Finds commands in log probabilities [n, K] that arrive bit by bit, however they are cut.

    The score of a command in a step is the probability that it is what the network wrote last: the sum over
    all of CTC's paths that end with its symbol and blanks behind it (Graves et al. 2006), where what lies
    further back counts less. It is noted where it is highest. Two commands closer than WAIT are two readings
    of one sound, of which the more probable counts, unless they can both have been said.
    """

    def __init__(self, columns: Sequence[int], step_seconds: float) -> None:
        """Columns [C]: where in K each command's symbol is."""
        self.columns, commands = np.array(columns), len(columns)
        self.kept = float(np.exp(-step_seconds / FORGET))
        self.wait = max(1, round(WAIT / step_seconds))
        self.step = 0
        self.inside = np.zeros(commands)  # the frame itself is of the command's symbol
        self.behind = np.zeros(commands)  # blanks since
        self.answered = np.zeros(commands, bool)  # its symbol was answered, and sounds still
        self.best: Event | None = None

    def feed(self, log_probs: np.ndarray) -> list[Event]:
        """Take the next steps [n, K], and give what is decided by then."""
        found: list[Event] = []
        for row in np.exp(np.asarray(log_probs, np.float64)):
            said, blank = row[self.columns], row[BLANK]
            self.behind = blank * self.kept * (self.inside + self.behind)
            self.answered &= said >= ENDED
            self.inside = np.where(self.answered, 0.0, said)
            found += self._decided(self.inside + self.behind)
            self.step += 1
        return found

    def finish(self) -> list[Event]:
        """What waited for better readings, as nothing more comes."""
        last, self.best = self.best, None
        return [] if last is None else [last]

    def _decided(self, scores: np.ndarray) -> list[Event]:
        found: list[Event] = []
        place = int(scores.argmax())
        score = float(scores[place])
        best = self.best
        if best is not None and best.command != place and score + best.score > 1 and score > FLOOR:
            found.append(best)  # two readings of one sound cannot both be that probable
            self._forget(best.command)
            best = None
        if score > FLOOR and (best is None or score > best.score + GROWN):
            best = Event(place, min(1.0, score), self.step)
        elif best is not None and self.step - best.step >= self.wait:
            found.append(best)
            self._forget(slice(None))  # the others were other readings of it
            best = None
        self.best = best
        return found

    def _forget(self, places: int | slice) -> None:
        """Count what was answered never again: neither what lies behind, nor a symbol that still sounds."""
        self.answered[places] = True
        self.inside[places] = self.behind[places] = 0.0
