"""WHAT IS WRITTEN ON A PICTURE? Words that fit, in letters that the machine can draw."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from hiddenstate import fonts

LONGEST = 14  # letters of a word


def shown(words: Sequence[str | int | float], longest: int = LONGEST) -> list[str]:
    """Return words as a picture shows them: short, on one line; `#3` for a third that no font has.

    >>> shown(["a\\nb", "internationalisation", "\\U000fffff"])
    ['a b', 'internationali…', '#3']
    """
    return [_shown(str(word), place, longest) for place, word in enumerate(words, 1)]


def _shown(word: str, place: int, longest: int) -> str:
    flat = " ".join(word.split()) or "␣" if word.isspace() else " ".join(word.split())
    if fonts.lacking(flat):
        return f"#{place}"
    letters = regex.findall(r"\X", fonts.stand_in(flat))  # a mark is never split from its letter
    return "".join(letters) if len(letters) <= longest else "".join(letters[:longest]) + "…"


def number(value: float) -> str:
    """Write a number on an axis of powers of ten.

    >>> number(0.001), number(1.0), number(30.0)
    ('10⁻³', '1', '3·10¹')
    """
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    power = int(exponent)
    if power == 0:
        return mantissa
    raised = "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return raised if mantissa == "1" else f"{mantissa}·{raised}"
