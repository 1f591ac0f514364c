"""The names of labels as texts: "exchange_rate" is the shortest example of what its author meant by it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from hiddenstate.data.words import Tokeniser

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # cardArrival
_GAP = re.compile(r"[\W_]+")


def spoken(label: str) -> str:
    """A label's name as a text.

    >>> spoken("exchange_rate"), spoken("cardArrival-2")
    ('exchange rate', 'card Arrival 2')
    """
    return _GAP.sub(" ", _HUMP.sub(" ", label)).strip()


def telling(labels: Sequence[str], known: Collection[str], tokenise: Tokeniser) -> dict[str, str]:
    """The names, as texts, of the labels whose names say something: at least half of their words are known.

    known: the words of the training texts. Numbers, codes and names in another language fall out.
    """
    found = {}
    for label in labels:
        text = spoken(label)
        words = [word for word in tokenise(text) if _says_something(word)]
        if words and 2 * sum(word in known for word in words) >= len(words):
            found[label] = text
    return found


def _says_something(word: str) -> bool:
    """Letters, of ASCII's more than one: "b" is a code, but a word of Chinese may be one sign."""
    return any(sign.isalpha() for sign in word) and (len(word) > 1 or not word.isascii())
