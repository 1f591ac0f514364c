"""The weighted n-grams of a text: of a whole one, and of one that grows word by word. NumPy only.

Each of two blocks (of words, of letters) counts its hashed n-grams, weighs each count by the n-gram's rarity,
and is brought to length one.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from hiddenstate.data.vocabulary import letter_grams, text_grams

WORD_SIZES = (1, 2)
LETTER_SIZES = (2, 3, 4, 5)
BEGIN, END = "^", "$"  # the marks around a text
_NONE = np.empty(0, np.int64)


def blocks(words: Sequence[str], buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """The hashed word n-grams and letter n-grams of a text between two marks."""
    return (
        text_grams([BEGIN, *words, END], word_sizes=WORD_SIZES, letter_sizes=(), buckets=buckets),
        text_grams(words, word_sizes=(), letter_sizes=LETTER_SIZES, buckets=buckets),
    )


def weighted(words: Sequence[str], rarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different n-grams of a text and their weights, both blocks in a row; rarity [buckets]."""
    grams, weights, _ = weighted_texts([words], rarity)
    return grams, weights


def weighted_texts(
    texts: Sequence[Sequence[str]], rarity: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different n-grams [N] of many texts, their weights [N], and where each text's begin [texts + 1].

    All texts are counted at once, and each comes out as it does alone, to the last bit.
    """
    keys, counts = np.unique(_keys(texts, len(rarity)), return_counts=True)
    block = keys // len(rarity)
    grams = keys - block * len(rarity)
    weights = counts * rarity[grams].astype(np.float64)
    # bincount adds one after the other: what a text comes to does not depend on those around it
    lengths = np.sqrt(np.bincount(block, weights * weights, minlength=2 * len(texts)))
    weights /= np.where(lengths > 0, lengths, 1.0)[block]
    begins = np.searchsorted(block, 2 * np.arange(len(texts) + 1))
    return grams, weights.astype(np.float32), begins


def _keys(texts: Sequence[Sequence[str]], buckets: int) -> np.ndarray:
    """A number for each n-gram of `blocks` of each text: text, block and bucket in one."""
    different: dict[str, int] = {}
    places = _whole(different.setdefault(word, len(different)) for words in texts for word in words)
    lengths, numbers = _whole(map(len, texts)), np.arange(len(texts))
    of_word = np.repeat(numbers, lengths)
    letters = [letter_grams(word, LETTER_SIZES, buckets) for word in different]
    sizes = _whole(map(len, letters))
    first = np.cumsum(sizes) - sizes
    sizes, first = sizes[places], first[places]
    # the letters of each word of each text: its own stretch of all letters, where that word's begin
    stretch = np.arange(sizes.sum()) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)
    found = [(2 * np.repeat(of_word, sizes) + 1, np.concatenate([_NONE, *letters])[stretch])]
    singles = _whole(_marked(word)[1] for word in different)
    found += [(2 * of_word, singles[places])]
    found += [(2 * numbers, np.full(len(texts), _marked(mark)[1])) for mark in (BEGIN, END)]
    found += [(2 * np.repeat(numbers, lengths + 1), _pairs(texts))]
    return np.concatenate([row * buckets + hashed % buckets for row, hashed in found])


def _pairs(texts: Sequence[Sequence[str]]) -> np.ndarray:
    """The hashes of all pairs of words between the marks: a pair's goes on where that of its first ended."""
    hashes, (_, begin), (end, _) = [], _marked(BEGIN), _marked(END)
    for words in texts:
        before = begin
        for written, alone in map(_marked, words):
            hashes.append(zlib.crc32(written, before))
            before = alone
        hashes.append(zlib.crc32(end, before))
    return _whole(hashes)


def _whole(numbers: Iterable[int]) -> np.ndarray:
    return np.fromiter(numbers, np.int64)


@lru_cache(maxsize=1 << 16)
def _marked(word: str) -> tuple[bytes, int]:
    """A word as bytes behind a space, and their hash."""
    written = f" {word}".encode()
    return written, zlib.crc32(written)


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
