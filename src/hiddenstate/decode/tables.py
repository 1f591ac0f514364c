"""What language adds to the next symbols of many prefixes at once: rows and successors as tables."""

from __future__ import annotations

import numpy as np

from hiddenstate.decode.grammar import Grammar, State

MOST_STATES = 20_000  # 10 MB at 40 symbols


class Tables:
    """The rows [states, K] and successors [states, K] of the states that a search has met, by number.

    Without a grammar there is one state, in which nothing adds anything.
    """

    def __init__(self, grammar: Grammar | None, K: int) -> None:
        self.grammar = grammar
        self.rows, self._next = np.zeros((1, K)), np.full((1, K), -1 if grammar else 0, np.int32)
        self._numbers: dict[State, int] = {}
        self._states: list[State] = []
        if grammar:
            self._number(grammar.start)

    def after(self, numbers: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """The numbers of the states behind symbols."""
        found = self._next[numbers, symbols]
        for place in np.flatnonzero(found < 0):
            number, symbol = int(numbers[place]), int(symbols[place])
            found[place] = self._number(self.grammar.after(self._states[number], symbol))  # type: ignore[union-attr]
            self._next[number, symbol] = found[place]
        return found

    def end(self, number: int) -> float:
        """What the end adds in a state."""
        return self.grammar.end(self._states[number]) if self.grammar else 0.0

    def trimmed(self, numbers: np.ndarray) -> np.ndarray:
        """Forget all other states where there are too many; the numbers of these after that."""
        if len(self._states) <= MOST_STATES:
            return numbers
        kept = [self._states[number] for number in numbers]
        self._states, self._numbers = [], {}
        self.rows, self._next = self.rows[:1], np.full_like(self._next[:1], -1)
        return np.array([self._number(state) for state in kept], np.int32)

    def _number(self, state: State) -> int:
        if (known := self._numbers.get(state)) is not None:
            return known
        number = self._numbers[state] = len(self._states)
        self._states.append(state)
        if number == len(self.rows):
            self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
            self._next = np.concatenate([self._next, np.full_like(self._next, -1)])
        self.rows[number] = self.grammar.row(state)  # type: ignore[union-attr]
        return number
