"""Text -> words that know where they stand in it, to show what was found in the text as it came."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hiddenstate.data.words import NEWEST, Tokeniser


@dataclass(frozen=True, slots=True)
class Piece:
    """One word as a tokeniser gives it: it was text[start:end]."""

    word: str
    start: int
    end: int


def cut(text: str, tokenise: Tokeniser = NEWEST) -> list[Piece]:
    """Cut a text into the words of a tokeniser, each with its place.

    >>> cut("To NEW York!")[2:]
    [Piece(word='york', start=7, end=11), Piece(word='!', start=11, end=12)]
    """
    words = tokenise(text)
    letters = [(letter, place) for place, sign in enumerate(text) for letter in _letters(sign)]
    found: list[Piece] = []
    at = place = 0  # in `letters`, and in `text`
    for word in words:
        start = end = place
        for number, letter in enumerate(_letters(word)):
            there = at
            while there < len(letters) and letters[there][0] != letter and _dropped(letters[there][0]):
                there += 1
            if there == len(letters):
                continue  # a letter that only the folded text has; any other that differs was written for it
            start = letters[there][1] if number == 0 else start
            end, at = letters[there][1] + 1, there + 1
        while end < len(text) and unicodedata.category(text[end]).startswith("M"):
            end += 1
        found.append(Piece(word, start, max(start, end)))
        place = max(place, end)
    return found


def _dropped(letter: str) -> bool:
    """Whether a tokeniser may leave a letter out: what only divides or lays out, and the line of tatweel."""
    return letter == "\u0640" or unicodedata.category(letter)[0] in "CZ"


def _letters(text: str) -> str:
    """What is left without case, marks and kinds of apostrophes: the same in a word and in the text."""
    folded = unicodedata.normalize("NFD", text.casefold())
    kept = "".join(sign for sign in folded if not unicodedata.category(sign).startswith("M"))
    return kept.replace("’", "'").replace("ı", "i")
