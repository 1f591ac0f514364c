"""WHICH LETTERS CAN BE DRAWN? The fonts of this machine that have them, and what stands for those none has.

matplotlib shapes and orders the letters of every script by itself (libraqm, since 3.11); the fonts are the
machine's. Where none has a letter an empty box would be drawn: something readable stands there instead, and
the script is named.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, cast

import regex

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontEntry
    from matplotlib.text import Text

# Scripts by the first word of a letter's name in Unicode, and a free font for those that are not its own
_SCRIPTS = {"CJK": "Han", "KANGXI": "Han", "IDEOGRAPHIC": "Han"}
_FONTS = dict.fromkeys(("Han", "Hiragana", "Katakana", "Hangul"), "Noto Sans CJK") | {
    "symbols": "Noto Emoji",
    "private or unassigned letters": "the font that they were written with",
}
SHOWN = 8  # letters of a script that a sentence lists
# what only joins, selects or orders letters and needs no font (all but shorthand's), and what cannot be drawn
_SILENT = regex.compile(r"(?V1)[[\p{Default_Ignorable_Code_Point}\p{Z}]--[\p{L}\U0001BCA0-\U0001BCA3]]")
_CONTROLS = regex.compile(r"(?V1)[[\p{Cc}\p{Cs}]--[\n]]")


def families(text: str) -> list[str]:
    """Return the usual font, and behind it those that have what it lacks."""
    return list(_found(text)[0])


def lacking(text: str) -> str:
    """Return the letters, each once and in order, that no font of this machine has."""
    missing = _found(text)[1]
    return "".join(dict.fromkeys(letter for letter in text if letter in missing))


def sentence(letters: str) -> str:
    """Name the letters that no font has, their script, and a font to install; '' for none.

    >>> sentence("\\u4ec0\\u4e48")
    'No font here has 什 么 (Han): install e.g. Noto Sans CJK.'
    """
    parts = []
    for script, found in _by_script(letters).items():
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        parts.append(f"{' '.join(found[:SHOWN])}{more} ({script}): install e.g. {_font(script)}")
    return f"No font here has {'; '.join(parts)}." if parts else ""


def footnote(letters: str) -> str:
    """Say the same on a picture, which cannot show those letters; '' for none.

    >>> footnote("\\u4ec0\\u4e48")
    'No font here has the letters of Han: a number or [..] stands for them. Install e.g. Noto Sans CJK.'
    """
    scripts = list(_by_script(letters))
    if not scripts:
        return ""
    fonts = ", ".join(dict.fromkeys(map(_font, scripts)))
    kinds = [f"the letters of {script}" if script[0].isupper() else script for script in scripts]
    said = ", ".join(kinds)
    return f"No font here has {said}: a number or [..] stands for them. Install e.g. {fonts}."


def stand_in(text: str) -> str:
    """Put words in place of letters that no font has, and of signs that move a cursor.

    >>> stand_in("caf\\u00e9 \\U000fffff")
    'café [1 private or unassigned letter]'
    """
    missing = _found(text)[1]
    text = _CONTROLS.sub("\ufffd", text.replace("\t", " "))
    # what stands there: script and number of letters; or "" and the text itself
    parts: list[tuple[str, int, str]] = []
    for script, run in groupby(text, lambda letter: script_of(letter) if letter in missing else ""):
        letters = "".join(run)
        if script and len(parts) > 1 and parts[-2][0] == script and not _SILENT.sub("", parts[-1][2]):
            parts[-2:] = [(script, parts[-2][1] + len(letters), "")]  # words of one script stand together
        else:
            parts.append((script, len(letters), letters))
    return "".join(_counted(script, count) if script else letters for script, count, letters in parts)


def _counted(script: str, count: int) -> str:
    return f"[{count} {script.removesuffix('s') if count == 1 and script[0].islower() else script}]"


def settle(figure: Figure, replaced: str = "") -> None:
    """Set all text of a figure in fonts that have it, say what none has, and write why at its foot.

    `replaced` are letters for which something else was drawn already.
    """
    from matplotlib.text import Text

    texts = [text for text in cast("list[Text]", figure.findobj(Text)) if text.get_text()]
    together = "".join(text.get_text() for text in texts)
    missing = "".join(dict.fromkeys(replaced + lacking(together)))
    if missing:
        _settle_ticks(figure)
    for text in texts:
        if (shown := stand_in(text.get_text())) != text.get_text():
            text.set_text(shown)
    chosen = families(together)
    if len(chosen) > 1:
        for text in texts:
            text.set_fontfamily(chosen)
    if missing:
        _note(figure, footnote(missing))


def _settle_ticks(figure: Figure) -> None:
    """Let ticks be named by what can be drawn: their texts are made anew whenever a figure is drawn."""
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        formatter = axis.get_major_formatter()
        if isinstance(formatter, FixedFormatter):
            formatter.seq = [stand_in(text) for text in formatter.seq]
        elif isinstance(formatter, FuncFormatter):
            formatter.func = partial(_stood_in, formatter.func)


def _stood_in(made: Callable[..., str], *place: float) -> str:
    return stand_in(made(*place))


def script_of(letter: str) -> str:
    """Name a letter's script, or what else it is.

    >>> script_of("\\u4ec0"), script_of("\\u0939"), script_of("\\U0001f600"), script_of("\\ue000")
    ('Han', 'Devanagari', 'symbols', 'private or unassigned letters')
    """
    first = unicodedata.name(letter, "").split(" ")[0]
    if not first:
        return "private or unassigned letters"
    if unicodedata.category(letter)[0] not in "LMN":
        return "symbols"
    return _SCRIPTS.get(first, first.title())


def _by_script(letters: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for letter in letters:
        found[script_of(letter)] = found.get(script_of(letter), "") + letter
    return found


def _font(script: str) -> str:
    return _FONTS.get(script, f"Noto Sans {script}")


def _letters(text: str) -> frozenset[str]:
    """Those that a font may lack."""
    return frozenset(letter for letter in _CONTROLS.sub("", _SILENT.sub("", text)) if letter > "\u00ff")


def _found(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Find the families that a text needs, and its letters that none has."""
    from matplotlib.font_manager import FontProperties

    return _search(_letters(text), tuple(FontProperties().get_family()))


@lru_cache(maxsize=512)
def _search(letters: frozenset[str], usual: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Find them behind the usual families, which are what matplotlib is set to."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    missing = set(letters)
    for name in usual if missing else ():
        missing -= _charmap(findfont(FontProperties(family=[name])))
    chosen = [*usual]
    # plain faces first: of a family text is set in the plain one, where there is one
    for entry in sorted(fontManager.ttflist, key=_fancy) if missing else ():
        if entry.name in chosen or entry.name.startswith("Last Resort"):  # which has a box for every letter
            continue
        if found := missing & _charmap(entry.fname):
            chosen.append(entry.name)
            missing -= found
    return tuple(chosen), frozenset(missing)


def _fancy(entry: FontEntry) -> bool:
    return (entry.style, str(entry.weight), entry.stretch) not in (
        ("normal", "400", "normal"),
        ("normal",) * 3,
    )


def _charmap(path: str) -> set[str]:
    from matplotlib.font_manager import get_font

    return {chr(code) for code in get_font(path).get_charmap()} if Path(path).exists() else set()


def _note(figure: Figure, words: str) -> None:
    """Write at the foot of a figure, which grows by what it needs."""
    import textwrap

    lines = textwrap.wrap(words, max(30, int(figure.get_figwidth() * 15)))
    figure.set_figheight(figure.get_figheight() + 0.16 * len(lines))
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5, color="#444444")
