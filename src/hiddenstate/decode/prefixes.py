"""The prefixes that a beam holds: one frame further, the most probable of them kept.

Of every prefix it is known how probable its paths are that end with the blank, and that end with its last
symbol: a symbol that is said again is a new one only behind a blank. Beside the sums stand the best single
paths, and when each symbol begins on them. Letters: n prefixes, K symbols.
"""

from __future__ import annotations

import numpy as np

from hiddenstate.decode.history import History
from hiddenstate.decode.tables import Tables
from hiddenstate.errors import InvalidArgument

NEVER = -np.inf


class Prefixes:
    """n prefixes, the best first; draws are won by what stood higher before, then by the lower symbol.

    ended, saying [n]: the logarithms of the sums over paths that end with the blank, with the last symbol;
    language [n]: what language has added; states [n]: the grammar's.
    """

    def __init__(self, tables: Tables, blank: int, width: int) -> None:
        self.tables, self.blank, self.width = tables, blank, width
        self.ended, self.saying, self.language = np.zeros(1), np.full(1, NEVER), np.zeros(1)
        self.states = np.zeros(1, np.int32)
        self._symbols, self._onsets = History(), History()
        self._ids, self._before = np.zeros(1, np.int64), np.full(1, -1)
        self._last = np.full(1, blank)
        # the best paths, and the frames at which their symbols begin [2, n]: first those that end with the
        # blank, then those that end with the symbol
        self._best = np.array([[0.0], [NEVER]])
        self._begun = np.zeros((2, 1), np.int64)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ids)

    @property
    def acoustic(self) -> np.ndarray:
        """The logarithm [n] of each prefix's probability."""
        return np.logaddexp(self.ended, self.saying)

    def symbols(self, place: int) -> list[int]:
        """The symbols of a prefix."""
        return self._symbols.values(int(self._ids[place]))

    def onsets(self, place: int) -> list[int]:
        """The frames at which the symbols of a prefix begin, on its best path."""
        return self._onsets.values(int(self._begun[self._best[:, place].argmax(), place]))

    def step(self, frame: np.ndarray, t: int) -> None:
        """Go on by frame number t [K]; raises InvalidArgument where nothing that may follow is possible."""
        n, K, rows = len(self), len(frame), np.arange(len(self))
        either = self.acoustic
        ended, saying = either + frame[self.blank], self.saying + frame[self._last]
        longer = either[:, None] + frame
        longer[rows, self._last] = self.ended + frame[self._last]
        longer[:, self.blank] = NEVER
        # what becomes longer may be in the beam already
        child, parent = np.nonzero(self._before[:, None] == self._ids)
        symbol = self._last[child]
        saying[child] = np.logaddexp(saying[child], longer[parent, symbol])
        longer[parent, symbol] = NEVER
        language = self.language[:, None] + self.tables.rows[self.states]
        score = np.concatenate([np.logaddexp(ended, saying) + self.language, (longer + language).ravel()])
        chosen = self._chosen(score, t)
        best, begun = self._paths(frame, t, child, parent)
        stays, source = chosen < n, np.where(chosen < n, chosen, (chosen - n) // K)
        symbol = np.where(stays, self._last[source], (chosen - n) % K)
        best, begun = best[:, source], begun[:, source]
        new = np.flatnonzero(~stays)
        origin, added = source[new], symbol[new]
        best[0, new], (best[1, new], begun[1, new]) = NEVER, self._onward(frame, t, origin, added)
        self.language = np.where(stays, self.language[source], language[source, symbol])
        self.ended, self.saying = ended[source], saying[source]
        self.ended[new], self.saying[new] = NEVER, longer[origin, added]
        self._take(source, symbol, new)
        self._best, self._begun = best, begun

    def _chosen(self, score: np.ndarray, t: int) -> np.ndarray:
        """The places of the highest scores, the best first."""
        floor = NEVER if len(score) <= self.width else np.partition(score, -self.width)[-self.width]
        places = np.flatnonzero((score >= floor) & (score > NEVER))
        if not len(places):
            raise InvalidArgument(
                f"in frame {t} nothing that may be said has a probability above 0: the blank has none, and "
                "no word of the list goes on with what has. Take a log-softmax of the scores."
            )
        return places[np.argsort(-score[places], kind="stable")[: self.width]]

    def _paths(
        self, frame: np.ndarray, t: int, child: np.ndarray, parent: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best paths [2, n] of the prefixes that stay, and when their symbols begin."""
        places = self._best.argmax(0)
        rows = np.arange(len(self))
        best = np.stack([self._best[places, rows] + frame[self.blank], self._best[1] + frame[self._last]])
        begun = np.stack([self._begun[places, rows], self._begun[1]])
        if len(child):
            score, onsets = self._onward(frame, t, parent, self._last[child])
            better = score > best[1, child]
            best[1, child[better]], begun[1, child[better]] = score[better], onsets[better]
        return best, begun

    def _onward(
        self, frame: np.ndarray, t: int, source: np.ndarray, symbol: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best paths of prefixes that a symbol makes longer, and when their symbols begin."""
        place = np.where(symbol == self._last[source], 0, self._best[:, source].argmax(0))
        score = self._best[place, source] + frame[symbol]
        onsets = [self._onsets.longer(int(begun), t) for begun in self._begun[place, source]]
        return score, np.array(onsets, np.int64)

    def _take(self, source: np.ndarray, symbol: np.ndarray, new: np.ndarray) -> None:
        """Name the prefixes that were chosen."""
        ids, states = self._ids[source], self.states[source]
        before = self._before[source]
        before[new] = ids[new]
        pairs = zip(ids[new].tolist(), symbol[new].tolist(), strict=True)
        ids[new] = [self._symbols.longer(prefix, added) for prefix, added in pairs]
        if len(new):
            states[new] = self.tables.after(states[new], symbol[new])
        self._ids, self._before, self._last, self.states = ids, before, symbol, states

    def forget(self) -> None:
        """Let go of what no prefix needs any more, where that is much."""
        self._ids = self._symbols.trimmed(self._ids)
        self._before = self._symbols.before(self._ids)
        self._begun = self._onsets.trimmed(self._begun.ravel()).reshape(2, -1)
        self.states = self.tables.trimmed(self.states)
