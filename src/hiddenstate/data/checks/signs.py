"""Scripts that do not belong together, signs damaged on the way, texts that say nothing or too much."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from hiddenstate.data.checks.findings import Finding, on
from hiddenstate.data.rows import Row
from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.data.words import tokenise

MOST_LETTERS = 10 * MAX_WORDS  # twice as long as so many words are in most languages
MAIN = 0.9  # a script that so many of the rows are written in is that of the corpus
ALIKE = ("LATIN", "CYRILLIC", "GREEK")  # scripts whose letters pass for one another
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL")  # written together
_TWINS = {"CYRILLIC": "аеорсухіјѕԁһАВЕКМНОРСТХІЈЅ", "GREEK": "οΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"}
_LATIN = {"CYRILLIC": "aeopcyxijsdhABEKMHOPCTXIJS", "GREEK": "oABEZHIKMNOPTYX"}
_TO_LATIN = {name: str.maketrans(_TWINS[name], _LATIN[name]) for name in _TWINS}
_TO_OTHER = {name: str.maketrans(_LATIN[name], _TWINS[name]) for name in _TWINS}
_WORD = re.compile(r"[^\W\d_]+")
# What UTF-8 looks like when its bytes were read as Windows-1252: Ã©, â€™, Ð¿
_TWICE = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0178\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]")


@lru_cache(maxsize=1 << 14)
def script(letter: str) -> str:
    """Name the script of a letter as Unicode does: LATIN, CYRILLIC, ...; "" for what belongs to none.

    >>> script("a"), script("а"), script("時"), script("1")
    ('LATIN', 'CYRILLIC', 'EAST ASIAN', '')
    """
    if not letter.isalpha():
        return ""
    name = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
    return "EAST ASIAN" if name in _EAST_ASIAN else name


def mixed_words(text: str) -> list[tuple[str, str]]:
    """Return words that mix scripts whose letters pass for one another, each with how it may be meant.

    >>> mixed_words("сancel my order")
    [('сancel', 'cancel')]
    """
    found = []
    for word in [] if text.isascii() else _WORD.findall(text):
        scripts = Counter(name for name in map(script, word) if name in ALIKE)
        if len(scripts) > 1:
            found.append((word, _meant(word, scripts)))
    return found


def _meant(word: str, scripts: Counter[str]) -> str:
    """Write a word in the script that most of its letters have, if the others have twins there; else ""."""
    main = scripts.most_common(1)[0][0]
    for other in scripts:
        if other != main:
            table = _TO_LATIN.get(other) if main == "LATIN" else _TO_OTHER.get(main)
            word = word.translate(table or {})
    return word if len({script(letter) for letter in word} & set(ALIKE)) == 1 else ""


def scripts(rows: Sequence[Row]) -> list[Finding]:
    """Find words of two scripts, in texts and labels, and texts in another script than nearly all others."""
    found = []
    for row in rows:
        for place, cell in (("text", row.text), ("label", row.label)):
            if words := mixed_words(cell):
                fixed = cell
                for word, meant in words:
                    fixed = fixed.replace(word, meant or word)
                names = ", ".join(repr(word) for word, _ in words[:3])
                says = f"{place}: {names} mixes letters that only look alike"
                better = fixed if fixed != cell else ""
                found.append(on(row, "script", says, suggestion=better, column=place, weight=1.0))
    own = [_main_script(row.text) for row in rows]
    counts = Counter(name for name in own if name)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count >= MAIN * counts.total():
        for row, other in zip(rows, own, strict=True):
            if other not in ("", name):
                says = (
                    f"written in {other.title()}, {100 * count / counts.total():.0f} % are in {name.title()}"
                )
                found.append(on(row, "script", says, column=""))
    return found


def _main_script(text: str) -> str:
    """Name the script that more than half of the letters have; "" where none has."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else ""
    letters = Counter(name for name in map(script, text) if name)
    name, count = letters.most_common(1)[0] if letters else ("", 0)
    return name if 2 * count > letters.total() else ""


def damaged(rows: Sequence[Row]) -> list[Finding]:
    """Find what a wrong encoding left behind in texts that are UTF-8 by now: � and doubly encoded signs."""
    found = []
    for row in rows:
        if "\ufffd" in row.text:
            says = "holds �: a sign was lost when it was saved"
            found.append(on(row, "damaged", says, column="text"))
        elif not row.text.isascii() and _TWICE.search(row.text) and (better := _once(row.text)):
            says = "was read in a wrong encoding before it was saved"
            found.append(on(row, "damaged", says, suggestion=better, column="text", weight=1.0))
    return found


def _once(text: str) -> str:
    """Undo one reading of UTF-8 as Windows-1252; "" where the text does not come from that."""
    raw = b"".join(sign.encode("cp1252", "ignore") or sign.encode("latin-1", "ignore") for sign in text)
    better = raw.decode("utf-8", errors="replace")
    return "" if "\ufffd" in better or len(better) >= len(text) else better


def lengths(rows: Sequence[Row]) -> list[Finding]:
    """Find texts without a letter or digit, and those too long to be read to their end."""
    found = []
    for row in rows:
        if len(row.text) > MOST_LETTERS or (
            len(row.text) > MAX_WORDS and len(tokenise(row.text)) > MAX_WORDS
        ):
            says = f"{len(row.text):,} characters; only the first {MAX_WORDS} words are read"
            found.append(on(row, "enormous", says, column="text", weight=len(row.text)))
        elif not any(map(str.isalnum, row.text)):
            found.append(on(row, "wordless", "has no letter and no digit", column="text"))
    return found
