"""Text -> words, in any language: normalised (NFC), folded in case, cut at Unicode's word boundaries.

The boundaries (UAX 29) and graphemes are those of the package `regex`, which is loaded for the first text
that is not plain ASCII. What is ours, as UAX 29 invites:

- Han, Kana, Thai, Lao, Khmer and Myanmar put no space between words: each grapheme is one; so is each emoji.
- ASCII punctuation is always a word of its own: 5.20, a.b and snake_case are cut, so that who forgets a space
  behind a full stop is understood. But an apostrophe between letters or digits joins (can't, l'heure,
  1980's), and so does a quote between Hebrew letters.
- What only concerns layout is dropped: soft hyphens, tatweel, marks of direction, variation selectors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from hiddenstate.errors import InvalidArgument

LANGUAGES = ("auto", "tr", "az", "other")  # how capitals are folded: as Turkish and Azerbaijani do, or not
TURKISH_LETTERS = frozenset("ıİğĞ")  # the alphabets that have one of them write I for a capital ı
TURKISH_SHARE = 1 / 3  # of the texts with such a letter; in Turkish itself about four of five
MOST_MARKS = 30  # on one letter, as in UAX 15's stream-safe format: to sort more takes time squared

_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*|[!-/:-@\[-`{-~]")


def tokenise(text: str) -> list[str]:
    """Split a text into folded words and single signs, where no language is known.

    >>> tokenise("What’s the time in TOKYO, 東京?")
    ["what's", 'the', 'time', 'in', 'tokyo', ',', '東', '京', '?']
    """
    return NEWEST(text)


@dataclass(frozen=True)
class Tokeniser:
    """How the texts of one model are split into words: kept with it, so that its answers stay the same.

    turkish: I and İ are the capitals of ı and i. version: 1 is how texts were split before this file was.

    >>> Tokeniser()("DİKKAT, ISLAK"), Tokeniser(turkish=True)("DİKKAT, ISLAK")
    (['dikkat', ',', 'islak'], ['dikkat', ',', 'ıslak'])
    """

    version: int = 2
    turkish: bool = False

    def __post_init__(self) -> None:
        if self.version not in (1, 2) or not isinstance(self.turkish, bool):
            raise InvalidArgument(
                f"expected a tokeniser of version 1 or 2, turkish or not, came {self.version!r} and "
                f"{self.turkish!r}; a newer version of hiddenstate may know it"
            )
        if self.version == 1 and self.turkish:
            raise InvalidArgument("a tokeniser of version 1 knows no Turkish; take version 2")

    @classmethod
    def of(cls, texts: Sequence[str], language: str = "auto", version: int = 2) -> Tokeniser:
        """The tokeniser for a language of LANGUAGES; "auto" looks whether the training texts are Turkish.

        They are where a third of them has one of the letters ı, İ, ğ.
        """
        if language not in LANGUAGES:
            raise InvalidArgument(f"expected a language of {', '.join(LANGUAGES)}, came {language!r}")
        if version == 1 and language != "auto":
            raise InvalidArgument(
                f"a tokeniser of version 1 knows no language, came {language!r}; leave it out"
            )
        if version == 1 or language != "auto":
            return cls(version, language in ("tr", "az"))
        found = sum(not TURKISH_LETTERS.isdisjoint(text) for text in texts)
        return cls(version, found > 0 and found >= TURKISH_SHARE * len(texts))

    def __call__(self, text: str) -> list[str]:
        """Split a text into its words."""
        if self.version == 1:
            return _split_as_version_1(text)
        text = text.replace("\u2019", "'")  # what telephones write into English, too
        if text.isascii() and not (self.turkish and "I" in text):
            return _ASCII_WORD.findall(text.lower())
        return _in_any_script(text, self.turkish)

    def as_dict(self) -> dict[str, Any]:
        """The tokeniser as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> Tokeniser:
        """Read a tokeniser back; a model that has none was made with version 1."""
        return FIRST if values is None else cls(**values)


NEWEST, FIRST = Tokeniser(), Tokeniser(version=1)


def clip(text: str, letters: int) -> str:
    """Cut a text to so many letters as a person counts them, the last one an ellipsis.

    >>> clip("हिन्दी में", 2), clip("time", 4)
    ('हि…', 'time')
    """
    if len(text) <= letters:
        return text
    cut = graphemes(text)
    return text if len(cut) <= letters else "".join(cut[: letters - 1]) + "…"


def graphemes(text: str) -> list[str]:
    """The letters of a text as a person counts them, marks with their letter.

    >>> graphemes("हिन्दी"), graphemes("time")
    (['हि', 'न्दी'], ['t', 'i', 'm', 'e'])
    """
    return list(text) if text.isascii() else _graphemes_of()(text)


# --- any script ---

_WITHOUT_SPACES = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{WB=Katakana}"
    r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}"
)
_LAYOUT = (
    r"\u00ad\u061c\u0640\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef"
)
_TYPED_AS = (("\u02bc", "'"), ("\u05f3", "'"), ("\u05f4", '"'))  # of Ukrainian, and Hebrew's two
_SYMBOL = r"!-/:-@\[-`{-~"
_MARK = r"\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}"
_BETWEEN = r"\s\p{Cc}\p{Cs}\u200b"  # also the halves of a character, and Khmer's space of no width
# up to the next boundary of UAX 29 (\b under the flag w), which here may lie before a symbol too
_RUN = rf"[^{_BETWEEN}{_SYMBOL}]+?(?:\b|(?=[{_SYMBOL}]))"
# Flags are counted out here: the library looks back to the first of a row, which takes time squared.
_ANY_WORD = rf"""(?xV1w)
    \p{{RI}}{{1,2}}+ [{_MARK}]*+
  | (?= [{_WITHOUT_SPACES}\p{{Extended_Pictographic}}] ) \X
  | [{_SYMBOL}] [{_MARK}]*+
  | (?! [\u200c\u200d] ) {_RUN}
    (?: (?<= [\p{{L}}\p{{M}}\p{{N}}] ) ' (?= [[\p{{L}}\p{{N}}]--[{_WITHOUT_SPACES}]] ) {_RUN}
      | (?<= \p{{WB=Hebrew_Letter}} \p{{M}}* ) " (?= \p{{WB=Hebrew_Letter}} ) {_RUN}
    )*
"""


@cache
def _library() -> Any:
    """Half a tenth of a second, with the patterns, that a text in ASCII need not wait for."""
    import regex

    return regex


@cache
def _words_of() -> Callable[[str], list[str]]:
    found: Callable[[str], list[str]] = _library().compile(_ANY_WORD).findall
    return found


@cache
def _graphemes_of() -> Callable[[str], list[str]]:
    found: Callable[[str], list[str]] = _library().compile(r"\X").findall
    return found


@cache
def _unread() -> Any:
    """What is dropped: layout, and marks past the most of one letter."""
    return _library().compile(rf"[{_LAYOUT}]+|(?<=\p{{M}}{{{MOST_MARKS}}})\p{{M}}+")


def _in_any_script(text: str, turkish: bool) -> list[str]:
    # the library misses the boundary behind a mark that begins a text: begin with a space
    return _words_of()(" " + _folded(_unread().sub("", text), turkish))


def _folded(text: str, turkish: bool) -> str:
    """NFC and full case folding (ß and ss, σ and ς are one); a dotted capital or a dot on i is plain i."""
    text = unicodedata.normalize("NFC", text)
    if turkish:
        text = text.replace("I", "ı").replace("İ", "i")
    text = text.casefold().replace("i\u0307", "i")
    for sign, typed in _TYPED_AS:
        text = text.replace(sign, typed)
    return unicodedata.normalize("NFC", text)


# --- version 1 ---

# Punctuation and symbols: each is a word of its own. All else that is not space holds together.
_SYMBOLS_1 = (
    r"!-/:-@\[-`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u055d\u055e\u0589\u05be"
    r"\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u2bff"
    r"\u3001-\u3004\u3007-\u3020\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
_GAPS_1 = r"\s\ud800-\udfff\ufe00-\ufe0f"
_WORD_1 = re.compile(rf"[^{_GAPS_1}{_SYMBOLS_1}]+(?:'[^{_GAPS_1}{_SYMBOLS_1}]+)*|[{_SYMBOLS_1}]")


def _split_as_version_1(text: str) -> list[str]:
    """Runs saved with it must answer as they did: languages without spaces gave one word a phrase."""
    return _WORD_1.findall(unicodedata.normalize("NFC", text.lower()).replace("’", "'"))
