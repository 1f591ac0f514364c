"""What language adds to every possible next symbol: a language model's share, a word's price, what may not.

A state is all that decides about the rest: the words that the language model looks back at, and the letters
of the word that has begun. Its row [K] holds what each symbol adds, so that a search can weigh all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hiddenstate.decode.alphabet import Alphabet
from hiddenstate.decode.lexicon import CUT, Lexicon
from hiddenstate.decode.ngram import END, NGram
from hiddenstate.decode.wording import Wording

State = tuple[tuple[str, ...], str]  # the words before, and the letters of the word that has begun
MOST_ROWS = 20_000  # of words that have begun, kept: 7 MB at 40 symbols
SPACE = "<space>"  # a lone space's name in a language model over symbols


@dataclass(frozen=True)
class Grammar:
    """How texts are weighed: each word adds alpha ln P(word | those before) + beta, the end alpha ln P(end).

    A word that has only begun counts as the best of those that begin so, and its end makes up the difference.
    over: whether the language model is one of "words" or of "symbols".
    """

    alphabet: Alphabet
    lm: NGram | None = None
    lexicon: Lexicon | None = None
    alpha: float = 0.5
    beta: float = 0.0
    over: str = "words"

    @cached_property
    def tokens(self) -> tuple[str, ...] | None:
        """What each symbol is to the language model, which weighs it at once; None where words are spelt."""
        if self.over == "symbols":
            return tuple(SPACE if text == " " else text.strip() for text in self.alphabet.symbols)
        others = [number for number in range(len(self.alphabet.symbols)) if number != self.alphabet.blank]
        whole = all(self.alphabet.begins[number] and self.alphabet.letters[number] for number in others)
        return self.alphabet.letters if whole else None

    @cached_property
    def wording(self) -> Wording:
        """How words are weighed that are spelt; where the symbols are, it is only known which may be said."""
        letters = {letter for text in self.alphabet.letters for letter in text}
        if self.tokens is None:
            return Wording(self.lm, self.lexicon, self.alpha, self.beta, len(letters))
        return Wording(None, self.lexicon, 0.0, 0.0, len(letters))

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """What each symbol adds to a word that is spelt; where one spelling counts, also where it is cut."""
        if self.lexicon is None or self.lexicon.cuts is None:
            return self.alphabet.letters
        return tuple(text + CUT if text else "" for text in self.alphabet.symbols)

    @property
    def start(self) -> State:
        """Where every text begins."""
        return (self.lm.start if self.lm else ()), ""

    def row(self, state: State) -> np.ndarray:
        """What each symbol [K] adds in a state; minus infinity where it may not come."""
        context, word = state
        row = self._going_on(word).copy()
        begins, hopes = self._beginning
        row[begins] = hopes
        if word:
            row[begins] += self.wording.weight(word, context) - self.wording.hope(word)
        elif self.lexicon is not None and " " in self.alphabet.symbols:
            row[self.alphabet.symbols.index(" ")] = -np.inf  # a second space between the words of a list
        if self.tokens is not None:
            row += [self._token(token, context) for token in self.tokens]
        return row

    def after(self, state: State, symbol: int) -> State:
        """The state behind a symbol."""
        context, word = state
        letters, begins = self.letters[symbol], self.alphabet.begins[symbol]
        if self.tokens is not None:
            context = self.lm.context((*context, self.tokens[symbol])) if self.lm else ()
        elif begins and word:
            context = self._said(context, word)
        if self.tokens is not None and self.lexicon is None:
            return context, ""  # nobody asks for the letters
        return context, letters if begins else word + letters

    def end(self, state: State) -> float:
        """What the end adds in a state; minus infinity where it may not come."""
        context, word = state
        last = 0.0
        if word:
            last = self.wording.weight(word, context) - self.wording.hope(word)
            context = self._said(context, word)
        return last + (self.alpha * self.lm.score(END, context) if self.lm else 0.0)

    def whole(self, symbols: Sequence[int]) -> float:
        """What language adds to a whole text, its end included."""
        state, added = self.start, 0.0
        for symbol in symbols:
            added += float(self.row(state)[symbol])
            state = self.after(state, symbol)
        return added + self.end(state)

    def _going_on(self, word: str) -> np.ndarray:
        """What each symbol [K] adds where it goes on with a word, which is the same behind all words."""
        if (known := self._rows.get(word)) is not None:
            return known
        if len(self._rows) >= MOST_ROWS:
            self._rows.clear()
        hoped = self.wording.hope(word)
        row = np.array([self.wording.hope(word + letters) - hoped for letters in self.letters])
        return self._rows.setdefault(word, row)

    @cached_property
    def _rows(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _beginning(self) -> tuple[np.ndarray, np.ndarray]:
        """The symbols that begin a word, and what each adds as its beginning."""
        begins = np.flatnonzero(self.alphabet.begins)
        return begins, np.array([self.wording.hope(self.letters[symbol]) for symbol in begins])

    def _said(self, context: tuple[str, ...], word: str) -> tuple[str, ...]:
        """The context behind a word that was spelt."""
        if self.lm is None or self.tokens is not None:
            return context
        return self.lm.context((*context, self.wording.said(word)))

    def _token(self, token: str, context: Sequence[str]) -> float:
        return self.beta + (self.alpha * self.lm.score(token, context) if self.lm else 0.0)
