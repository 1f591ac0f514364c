"""What was decoded: the symbols, how probable they are, in which frames they and their words were said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hiddenstate.decode.alphabet import Alphabet


@dataclass(frozen=True)
class Word:
    """A word, the frames start to end (not included) that say it, and how sure they are of it, 0 to 1."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Decoded:
    """One answer of a decoder.

    symbols: their numbers; acoustic: the logarithm of their probability, summed over all alignments that the
    search has seen; language: what language model and words add to it; spans: the frames [start, end) of each
    symbol in the best alignment; words: empty where the decoder knows no alphabet.
    """

    symbols: tuple[int, ...]
    acoustic: float
    language: float
    spans: tuple[tuple[int, int], ...]
    words: tuple[Word, ...] = ()

    @property
    def total(self) -> float:
        """By what answers are ranked."""
        return self.acoustic + self.language

    @property
    def text(self) -> str:
        """The words, with a space between two."""
        return " ".join(word.text for word in self.words)


def spans_of(path: np.ndarray, blank: int) -> tuple[tuple[int, int], ...]:
    """The frames [start, end) of each symbol that a path [T] says.

    >>> spans_of(np.array([0, 3, 3, 0, 3, 5]), 0)
    ((1, 3), (4, 5), (5, 6))
    """
    changes = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    return tuple((int(start), int(end)) for start, end in pairwise(changes) if path[start] != blank)


def spans_from(
    onsets: Sequence[int], symbols: Sequence[int], log_probs: np.ndarray, blank: int
) -> list[tuple[int, int]]:
    """The frames [start, end) of symbols that begin at onsets: where the best path goes over to the blank.

    Of two equal symbols the first leaves a frame to the blank.
    """
    spans = []
    limits = [*onsets[1:], len(log_probs)][: len(onsets)]
    for place, (symbol, start, limit) in enumerate(zip(symbols, onsets, limits, strict=True)):
        last = limit - (symbols[place + 1 : place + 2] == [symbol])
        said, silent = log_probs[start + 1 : last, symbol], log_probs[start + 1 : last, blank]
        # how probable it is to go over after 0, 1, ... frames more; no differences, as both may be impossible
        going_over = np.append(0.0, said.cumsum()) + np.append(silent[::-1].cumsum()[::-1], 0.0)
        spans.append((start, start + 1 + int(going_over.argmax())))
    return spans


def words_of(
    alphabet: Alphabet, symbols: Sequence[int], spans: Sequence[tuple[int, int]], log_probs: np.ndarray
) -> tuple[Word, ...]:
    """The words that symbols say, with their times and confidences.

    A symbol is as sure as the surest of its frames, as CTC says most symbols in one frame and is unsure of
    those beside it; a word is as sure as the geometric mean of its symbols.
    """
    sure = [log_probs[start:end, symbol].max() for symbol, (start, end) in zip(symbols, spans, strict=True)]
    return tuple(
        Word(text, spans[begin][0], spans[end - 1][1], float(min(1.0, np.exp(np.mean(sure[begin:end])))))
        for text, begin, end in alphabet.words(symbols)
    )
