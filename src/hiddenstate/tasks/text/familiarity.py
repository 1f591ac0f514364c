"""Is this language at all? How much of a text is made as the words of the training texts are. NumPy only.

A classifier's score can be high by accident for "asdf jkl;", where every n-gram is new. So each word is
asked whether it is known, and else which share of its letter trigrams some known word has. A misspelt word
keeps most of its trigrams, a run of keys has few.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

LOST = 0.001  # of the training texts, each judged by the others, may be as strange as what is refused
ROOM = 0.85  # texts to come are stranger than those: more words are misspelt
PENALTY = 20.0  # of the score, for a text in which nothing is familiar: no score reaches that far
_DIGIT = re.compile(r"\d")


def trigrams(word: str) -> set[str]:
    """The letter trigrams of a word with its borders; one digit is as good as another.

    >>> sorted(trigrams("at5"))
    ['<at', 'at0', 't0>']
    """
    marked = f"<{_DIGIT.sub('0', word)}>"
    return {marked[i : i + 3] for i in range(max(1, len(marked) - 2))}


class Familiarity:
    """How familiar words and texts are, from 0 to 1, to who knows these words."""

    def __init__(self, known: Iterable[str]) -> None:
        self._share = dict.fromkeys(known, 1.0)
        self._grams = set().union(*map(trigrams, self._share))

    def of_word(self, word: str) -> float:
        """1 for a known word, else the share of its trigrams that a known word has."""
        share = self._share.get(word)
        if share is None:
            grams = trigrams(word)
            share = len(grams & self._grams) / len(grams)
        return share

    def of(self, words: Sequence[str]) -> float:
        """The mean over the letters of a text; 1 for a text without any."""
        letters = sum(map(len, words))
        return sum(self.of_word(word) * len(word) for word in words) / letters if letters else 1.0

    def running(self, words: Sequence[str]) -> np.ndarray:
        """The familiarity [n] of the text up to each of its words."""
        sizes = np.array([len(word) for word in words], dtype=np.float64)
        shares = np.array([self.of_word(word) for word in words], dtype=np.float64)
        return np.asarray(np.cumsum(shares * sizes) / np.maximum(1, np.cumsum(sizes)))


def least_familiar(texts: Sequence[Sequence[str]]) -> float:
    """How familiar a text must be: as all but LOST of these, each judged by the others, less some ROOM.

    texts: the words of each training text. Where they share too few words to know it, 0: all is accepted.
    """
    if not texts:
        return 0.0
    holders = Counter(word for words in texts for word in set(words))
    makers = Counter(gram for word in holders for gram in trigrams(word))
    found = []
    for words in texts:
        new = {word for word in set(words) if holders[word] == 1}
        own = Counter(gram for word in new for gram in trigrams(word))
        letters = sum(map(len, words))
        known = 0.0
        for word in words:
            if word not in new:
                known += len(word)
                continue
            grams = trigrams(word)
            known += len(word) * sum(makers[gram] > own[gram] for gram in grams) / len(grams)
        found.append(known / letters if letters else 1.0)
    return ROOM * float(np.quantile(found, LOST))


def lowered(scores: np.ndarray, familiar: np.ndarray, least: float) -> np.ndarray:
    """Scores [N] of being in scope, those of texts less familiar than `least` taken down in proportion."""
    if least <= 0:
        return scores
    missing = np.maximum(0.0, least - familiar) / least
    return np.asarray(scores - PENALTY * missing.astype(scores.dtype))
