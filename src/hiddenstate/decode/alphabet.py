"""The texts of a model's symbols: letters, pieces of words, or words, and where words begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from hiddenstate.errors import InvalidArgument


@dataclass(frozen=True)
class Alphabet:
    """What each of K symbols adds to a text; the empty text is the blank, a space begins a new word.

    Letters: ("", " ", "a", "b"); words: ("", " yes", " no"); pieces of words: ("", " he", "llo").
    Raises InvalidArgument unless one is the blank, all differ, and spaces stand in front only.

    >>> Alphabet(("", " ", "a", "b")).text([2, 3, 1, 2])
    'ab a'
    """

    symbols: tuple[str, ...]

    def __init__(self, symbols: Iterable[str]) -> None:
        object.__setattr__(self, "symbols", tuple(symbols))
        if self.symbols.count("") != 1:
            raise InvalidArgument(
                f"expected one symbol with an empty text, the blank, came {self.symbols.count('')} among "
                f"{len(self.symbols)} symbols"
            )
        twice = sorted({text for text in self.symbols if self.symbols.count(text) > 1})
        if twice:
            raise InvalidArgument(f"expected symbols that differ, came {twice[0]!r} more than once")
        for number, text in enumerate(self.symbols):
            letters = text.removeprefix(" ")
            if letters.split() != [letters] * bool(letters):
                raise InvalidArgument(
                    "a symbol may have one space, at its beginning, where it begins a word; "
                    f"came {text!r} as symbol {number}"
                )

    @property
    def blank(self) -> int:
        """The number of the blank."""
        return self.symbols.index("")

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """What each symbol adds to a word."""
        return tuple(text.removeprefix(" ") for text in self.symbols)

    @cached_property
    def begins(self) -> tuple[bool, ...]:
        """Whether each symbol begins a new word."""
        return tuple(text.startswith(" ") for text in self.symbols)

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """The words that ids say, each with where its symbols begin and end: ids[begin:end].

        >>> Alphabet(("", " ", "a", "b")).words([2, 3, 1, 1, 2])
        [('ab', 0, 2), ('a', 4, 5)]
        """
        found: list[tuple[str, int, int]] = []
        word = ""
        for place, symbol in enumerate(ids):
            if self.begins[symbol]:
                word = ""
            if letters := self.letters[symbol]:
                begin = found.pop()[1] if word else place
                word += letters
                found.append((word, begin, place + 1))
        return found

    def text(self, ids: Sequence[int]) -> str:
        """The words that ids say, with one space between two."""
        return " ".join(word for word, _, _ in self.words(ids))


def blank_of(blank: int | None, alphabet: Alphabet | None) -> int:
    """The blank that was asked for, else the alphabet's, else 0; raises InvalidArgument where two differ."""
    if alphabet is None:
        return 0 if blank is None else blank
    if blank not in (None, alphabet.blank):
        raise InvalidArgument(
            f"expected the alphabet's blank, {alphabet.blank}, came blank={blank}; leave one of them out"
        )
    return alphabet.blank
