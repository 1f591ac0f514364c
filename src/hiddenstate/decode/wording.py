"""What a word that is spelt adds to a text, and what it is hoped to add while it has only begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, log

from hiddenstate.decode.lexicon import Lexicon
from hiddenstate.decode.ngram import END, UNKNOWN, NGram


@dataclass(frozen=True)
class Wording:
    """A word adds alpha ln P(word | those before) + beta, if it may be said.

    Words are given as their symbols add up to them: `Lexicon.spellings`, or just as they are written.
    A word that the language model does not know shares <unk> with all others: with those of the list, or with
    all spellings, in which each of its letters is one of so many `letters`.
    """

    lm: NGram | None
    lexicon: Lexicon | None
    alpha: float
    beta: float
    letters: int

    def said(self, spelt: str) -> str:
        """The word that is spelt."""
        return spelt if self.lexicon is None else self.lexicon.spellings.get(spelt, spelt)

    def weight(self, spelt: str, context: Sequence[str]) -> float:
        """What a word adds behind a context; minus infinity where it may not be said."""
        if self.lexicon is not None and spelt not in self.lexicon.spellings:
            return -inf
        if self.lm is None:
            return self.beta
        word = self.said(spelt)
        score = self.lm.score(word, context)
        if word not in self.lm.vocabulary:
            score -= log(self._unknown) if self.lexicon is not None else len(word) * log(self.letters)
        return self.beta + self.alpha * score

    def hope(self, beginning: str) -> float:
        """What the best word that begins so adds where nothing is known of those before; 0 before it begins.

        Without it the model would speak up only when a word has ended, and the best prefixes be lost by then.
        """
        if not beginning:
            return 0.0
        best = self._best.get(beginning, -inf)
        if self.lexicon is not None:
            return best
        if self.lm is None:
            return self.beta
        spelt = self.lm.score(UNKNOWN) - len(beginning) * log(self.letters)
        return max(best, self.beta + self.alpha * spelt)

    @cached_property
    def _unknown(self) -> int:
        """How many words of the list share <unk>."""
        known = self.lm.vocabulary if self.lm else frozenset()
        return len(self.lexicon.words - known) if self.lexicon else 0

    @cached_property
    def _best(self) -> dict[str, float]:
        """The most that a known word adds, by its beginnings."""
        best: dict[str, float] = {}
        words = (
            self.lexicon.spellings if self.lexicon else self.lm.vocabulary - {END, UNKNOWN} if self.lm else ()
        )
        for word in words:
            weight = self.weight(word, ())
            for end in range(1, len(word) + 1):
                best[word[:end]] = max(weight, best.get(word[:end], -inf))
        return best
