"""The weighted n-grams of a text: of a whole one, and of one that grows word by word. NumPy only.

Each of two blocks (of words, of letters) counts its hashed n-grams, weighs each count by the n-gram's rarity,
and is brought to length one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hiddenstate.data.vocabulary import text_grams

WORD_SIZES = (1, 2)
LETTER_SIZES = (2, 3, 4, 5)
BEGIN, END = "^", "$"  # the marks around a text


def blocks(words: Sequence[str], buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """The hashed word n-grams and letter n-grams of a text between two marks."""
    return (
        text_grams([BEGIN, *words, END], word_sizes=WORD_SIZES, letter_sizes=(), buckets=buckets),
        text_grams(words, word_sizes=(), letter_sizes=LETTER_SIZES, buckets=buckets),
    )


def weighted(words: Sequence[str], rarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different n-grams of a text and their weights, both blocks in a row; rarity [buckets]."""
    grams, weights = [], []
    for block in blocks(words, len(rarity)):
        found, counts = np.unique(block, return_counts=True)
        weight = counts * rarity[found]
        grams.append(found)
        weights.append(weight / math.sqrt(float(weight @ weight) or 1.0))
    return np.concatenate(grams), np.concatenate(weights).astype(np.float32)


class _Block:
    """One block of a growing text: the sum of its rows before it is brought to length one."""

    def __init__(self, table: np.ndarray, rarity: np.ndarray) -> None:
        self.table, self.rarity = table, rarity
        self.counts = np.zeros(len(rarity), np.int64)
        self.total, self.square = np.zeros(table.shape[1]), 0.0

    def grown(self, grams: np.ndarray) -> tuple[np.ndarray, float]:
        """Sum and squared length with some n-grams more."""
        found, more = np.unique(grams, return_counts=True)
        rarity, old = self.rarity[found].astype(np.float64), self.counts[found]
        square = self.square + float((rarity * rarity) @ ((old + more) ** 2 - old**2))
        return self.total + (rarity * more) @ self.table[found], square

    def add(self, grams: np.ndarray) -> None:
        """Take n-grams in."""
        self.total, self.square = self.grown(grams)
        np.add.at(self.counts, grams, 1)


class RunningWide:
    """The weighted sum of table [buckets, K] over the n-grams of a text that arrives word by word.

    After each word it is that of the text up to there, in time that does not grow with the text.
    """

    def __init__(self, table: np.ndarray, rarity: np.ndarray) -> None:
        self.buckets = len(rarity)
        self.words, self.letters = _Block(table, rarity), _Block(table, rarity)
        self.tail = [BEGIN]  # as many words as the longest n-gram reaches back
        self.words.add(self._ending(BEGIN, []))

    def _ending(self, word: str, before: Sequence[str]) -> np.ndarray:
        """The word n-grams that end in a word."""
        words = [*before, word]
        grams = [
            text_grams(words[-size:], word_sizes=(size,), letter_sizes=(), buckets=self.buckets)
            for size in WORD_SIZES
        ]
        return np.concatenate(grams)

    def add(self, word: str) -> np.ndarray:
        """Take one more word, and give the sum [K] as float32."""
        self.words.add(self._ending(word, self.tail))
        self.tail = [*self.tail, word][1 - max(WORD_SIZES) :]
        letters = text_grams([word], word_sizes=(), letter_sizes=LETTER_SIZES, buckets=self.buckets)
        self.letters.add(letters)
        ended = self.words.grown(self._ending(END, self.tail))
        parts = (ended, (self.letters.total, self.letters.square))
        summed = sum(total / math.sqrt(square or 1.0) for total, square in parts)
        return np.asarray(summed, dtype=np.float32)
