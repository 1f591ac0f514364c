"""A closed list of words: nothing else can be said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hiddenstate.decode.alphabet import Alphabet
from hiddenstate.errors import DataError, InvalidArgument

SHOWN = 5  # words that cannot be said, in the message
CUT = (
    "\x1f"  # behind each symbol of a word that is spelt in one way only; white space, so that no word has it
)


class Lexicon:
    """A list of words, and every beginning of one: a word that began as no word of the list is not followed.

    cut: gives the symbols that spell a word, such as [" go", "ing"], in the one way in which it can be said;
    without it all ways count. spellings: what the symbols of a word add up to, and the word.
    Raises InvalidArgument for an empty list, an empty word and one with a space.

    >>> lexicon = Lexicon(["go", "going"])
    >>> "goi" in lexicon.prefixes, "goi" in lexicon.words
    (True, False)
    """

    def __init__(self, words: Iterable[str], cut: Callable[[str], Sequence[str]] | None = None) -> None:
        self.words = frozenset(words)
        if not self.words:
            raise InvalidArgument("expected a list of words that can be said, came none")
        for word in sorted(self.words):
            if word.split() != [word]:
                raise InvalidArgument(
                    f"expected words without spaces, came {word!r}; list the words of a phrase one by one"
                )
        self.cuts = None if cut is None else {word: tuple(cut(word)) for word in self.words}
        if self.cuts is None:
            self.spellings = {word: word for word in self.words}
        else:
            self.spellings = {
                "".join(symbol + CUT for symbol in symbols): word for word, symbols in self.cuts.items()
            }
        self.prefixes = frozenset(word[:end] for word in self.spellings for end in range(len(word) + 1))

    @classmethod
    def read(cls, path: str | Path) -> Lexicon:
        """Read a list of words, one a line; raises DataError for a line that is no word, with its number."""
        path = Path(path)
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path} should be a list of words in UTF-8, and byte {error.start} is not"
            ) from error
        for number, line in enumerate(lines, 1):
            if len(line.split()) > 1:
                raise DataError(f"{path}, line {number}: expected one word a line, came {line.strip()!r}")
        words = [line.strip() for line in lines if line.strip()]
        if not words:
            raise DataError(f"{path}: expected a list of words, one a line, came none")
        return cls(words)

    def check(self, alphabet: Alphabet) -> None:
        """Raise InvalidArgument naming the words that no symbols of an alphabet spell."""
        if self.cuts is None:
            wrong = [word for word in sorted(self.words) if not _spelt(word, alphabet)]
        else:
            known = set(alphabet.symbols)
            wrong = [
                word
                for word, symbols in sorted(self.cuts.items())
                if "".join(symbols) != f" {word}" or not known.issuperset(symbols)
            ]
        if wrong:
            letters = {letter for text in alphabet.letters for letter in text}
            missing = sorted({letter for word in wrong for letter in word} - letters)
            cause = f"no symbol has {', '.join(map(repr, missing))}" if missing else "no symbols spell them"
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise InvalidArgument(
                f"{len(wrong)} of {len(self.words)} words cannot be said with the model's symbols: "
                f"{', '.join(map(repr, wrong[:SHOWN]))}{more}; {cause}. Leave them out, or write them "
                "otherwise."
            )


def _spelt(word: str, alphabet: Alphabet) -> bool:
    """Whether symbols spell a word anywhere in a text: one that may begin a word, and others behind it."""
    pieces = list(zip(alphabet.letters, alphabet.begins, strict=True))
    inner = {letters for letters, begins in pieces if letters and not begins}
    first = {letters for letters, begins in pieces if letters and begins}
    if " " in alphabet.symbols or not any(alphabet.begins):
        first |= inner
    longest = max(map(len, alphabet.letters))
    reached = {0}
    for start in range(len(word)):
        if start in reached:
            ends = range(start + 1, min(len(word), start + longest) + 1)
            reached |= {end for end in ends if word[start:end] in (inner if start else first)}
    return len(word) in reached
