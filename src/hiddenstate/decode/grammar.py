"""What language adds to every possible next symbol: a language model's share, a word's price, what may not.

A state is all that decides about the rest: the words that the language model looks back at, and the letters
of the word that has begun. Its row [K] holds what each symbol adds. Rows and successors are worked out when
they are first asked for and kept in tables, where a search finds those of many prefixes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hiddenstate.decode.alphabet import Alphabet
from hiddenstate.decode.lexicon import Lexicon
from hiddenstate.decode.ngram import END, NGram

State = tuple[tuple[str, ...], str]  # the words before, and the letters of the word that has begun
MOST_STATES = 20_000  # in the tables: 10 MB at 40 symbols
SPACE = "<space>"  # a lone space's name in a language model over symbols


@dataclass(frozen=True)
class Grammar:
    """How words are weighed: each adds alpha ln P(word | those before) + beta, the end alpha ln P(end).

    over: whether the language model is one of "words" or of "symbols".
    """

    alphabet: Alphabet
    lm: NGram | None = None
    lexicon: Lexicon | None = None
    alpha: float = 0.5
    beta: float = 0.0
    over: str = "words"

    @cached_property
    def _tokens(self) -> tuple[str, ...] | None:
        """What each symbol is to the language model; None where words take several symbols.

        Then a word is weighed when the next one begins, else at once.
        """
        if self.over == "symbols":
            return tuple(SPACE if text == " " else text.strip() for text in self.alphabet.symbols)
        others = [number for number in range(len(self.alphabet.symbols)) if number != self.alphabet.blank]
        whole = all(self.alphabet.begins[number] and self.alphabet.letters[number] for number in others)
        return self.alphabet.letters if whole else None

    @property
    def start(self) -> State:
        """Where every text begins."""
        return (self.lm.start if self.lm else ()), ""

    def row(self, state: State) -> np.ndarray:
        """What each symbol [K] adds in a state; minus infinity where it may not come."""
        context, word = state
        if self._tokens is not None:
            row = np.array([self._weight(token, context) for token in self._tokens])
        elif word:
            row = np.where(self.alphabet.begins, self._weight(word, context), 0.0)
        else:
            row = np.zeros(len(self.alphabet.symbols))
        if self.lexicon is not None:
            row[~np.array([self._may(word, symbol) for symbol in range(len(row))])] = -np.inf
        return row

    def after(self, state: State, symbol: int) -> State:
        """The state behind a symbol."""
        context, word = state
        letters, begins = self.alphabet.letters[symbol], self.alphabet.begins[symbol]
        if self._tokens is not None:
            context = self._said(context, self._tokens[symbol])
        elif begins and word:
            context = self._said(context, word)
        if self._tokens is not None and self.lexicon is None:
            return context, ""  # nobody asks for the letters
        return context, letters if begins else word + letters

    def end(self, state: State) -> float:
        """What the end adds in a state; minus infinity where it may not come."""
        context, word = state
        if self.lexicon is not None and word and word not in self.lexicon.words:
            return -np.inf
        last = 0.0
        if word and self._tokens is None:
            last, context = self._weight(word, context), self._said(context, word)
        return last + (self.alpha * self.lm.score(END, context) if self.lm else 0.0)

    def whole(self, symbols: Sequence[int]) -> float:
        """What language adds to a whole text, its end included."""
        state, added = self.start, 0.0
        for symbol in symbols:
            added += float(self.row(state)[symbol])
            state = self.after(state, symbol)
        return added + self.end(state)

    def _weight(self, token: str, context: Sequence[str]) -> float:
        return self.beta + (self.alpha * self.lm.score(token, context) if self.lm else 0.0)

    def _said(self, context: tuple[str, ...], token: str) -> tuple[str, ...]:
        return self.lm.context((*context, token)) if self.lm else ()

    def _may(self, word: str, symbol: int) -> bool:
        """Whether a symbol goes on with a word of the list, or begins one where one has ended."""
        prefixes, letters = self.lexicon.prefixes, self.alphabet.letters[symbol]  # type: ignore[union-attr]
        if not self.alphabet.begins[symbol]:
            return word + letters in prefixes
        if not word:
            return letters != "" and letters in prefixes
        return word in self.lexicon.words and letters in prefixes  # type: ignore[union-attr]


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
