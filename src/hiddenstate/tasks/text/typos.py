"""Misspelt words as fingers make them: the noise of training, and, with other seeds, that of measurements.

A word of four letters or more is misspelt in one place: two neighbours swapped, a letter left out, typed
twice, or, on a Latin keyboard, taken for the key beside it. A letter is a grapheme: no mark comes loose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hiddenstate.data.pieces import cut
from hiddenstate.data.words import NEWEST, Tokeniser, graphemes

SHARE = 0.3  # of the words that are long enough
SHORTEST = 4  # letters; a shorter word misspelt is often another word
MEASURED = 0x7E57  # a first part of the seed that training never takes, so that no typo is learned by heart
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def misspelt(text: str, seed: int, share: float = SHARE, tokenise: Tokeniser = NEWEST) -> str:
    """Misspell about `share` of a text's longer words, the same ones for the same seed: the measured noise.

    >>> misspelt("please transfer fifty dollars to checking", seed=2)
    'please transfer fitfy dollars to checjing'
    """
    generator, found, end = np.random.default_rng([MEASURED, seed, len(text)]), [], 0
    for piece in cut(text, tokenise):
        found.append(text[end : piece.start])
        found.append(_perhaps(text[piece.start : piece.end], generator, share))
        end = piece.end
    return "".join([*found, text[end:]])


def noisy(words: Sequence[str], generator: np.random.Generator, share: float = SHARE) -> list[str]:
    """Misspell about `share` of the longer of some words: the noise of training."""
    return [_perhaps(word, generator, share) for word in words]


def misspell(word: str, generator: np.random.Generator) -> str:
    """Misspell a word of two letters or more in one place; the way and the place are drawn."""
    letters = graphemes(word)
    ways = [_swapped, _dropped, _doubled]
    if any(letter in BESIDE for letter in letters):
        ways.append(_beside)
    return "".join(ways[int(generator.integers(len(ways)))](letters, generator))


def _perhaps(word: str, generator: np.random.Generator, share: float) -> str:
    letters = graphemes(word)
    long = len(letters) >= SHORTEST and any(letter[0].isalpha() for letter in letters)
    return misspell(word, generator) if long and generator.random() < share else word


def _swapped(letters: list[str], generator: np.random.Generator) -> list[str]:
    places = [i for i in range(len(letters) - 1) if letters[i] != letters[i + 1]]
    if not places:  # one letter only, again and again: as a slow finger leaves it
        return _doubled(letters, generator)
    at = places[int(generator.integers(len(places)))]
    return [*letters[:at], letters[at + 1], letters[at], *letters[at + 2 :]]


def _dropped(letters: list[str], generator: np.random.Generator) -> list[str]:
    at = int(generator.integers(len(letters)))
    return letters[:at] + letters[at + 1 :]


def _doubled(letters: list[str], generator: np.random.Generator) -> list[str]:
    at = int(generator.integers(len(letters)))
    return letters[: at + 1] + letters[at:]


def _beside(letters: list[str], generator: np.random.Generator) -> list[str]:
    places = [i for i, letter in enumerate(letters) if letter in BESIDE]
    at = places[int(generator.integers(len(places)))]
    keys = BESIDE[letters[at]]
    return [*letters[:at], keys[int(generator.integers(len(keys)))], *letters[at + 1 :]]


def _keys() -> dict[str, str]:
    """Of each letter of a Latin keyboard, the letters that touch it, capitals among themselves."""
    place = {key: (row, column) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}
    small = {
        key: "".join(
            other
            for other, (r, c) in place.items()
            # each row stands half a key to the right of the one above it
            if other != key and abs(r - row) <= 1 and abs((c + r / 2) - (column + row / 2)) <= 1
        )
        for key, (row, column) in place.items()
    }
    return small | {key.upper(): keys.upper() for key, keys in small.items()}


BESIDE = _keys()
