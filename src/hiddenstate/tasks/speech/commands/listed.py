"""A list of commands: read from a file, checked, and found in transcripts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hiddenstate.data import textfile
from hiddenstate.errors import DataError, InvalidArgument

GAP = "␣"  # in place of the spaces of a command, which is one symbol
OTHER = "…"  # in place of any other word
SHOWN = 10


def read_commands(path: Path, said: Callable[[], Iterable[str]] = tuple) -> tuple[str, ...]:
    """Read a list: UTF-8, one command a line; the tuple's places are the lines'.

    Raises InvalidArgument for a list that is none, naming all lines that are no commands, and with them those
    that `said`, which gives training transcripts, does not hold.
    """
    textfile.check_is_there(path)
    text = textfile.decode(path.read_bytes(), str(path))
    lines = [" ".join(line.split()) for line in text.rstrip().splitlines()]
    if faults := _faults(lines):
        good = {line: text for line, text in enumerate(lines, 1) if line not in faults}
        transcripts = list(said())
        if good and transcripts:
            unsaid = Commands(tuple(good.values())).unsaid(transcripts)
            numbers = list(good)
            faults |= {numbers[place]: f"{good[numbers[place]]!r} {why}" for place, why in unsaid.items()}
        raise InvalidArgument(_told(faults, len(lines), str(path)))
    return Commands(tuple(lines), str(path)).texts


def _faults(texts: Sequence[str]) -> dict[int, str]:
    """What is wrong with the lines of a list, by their numbers."""
    first: dict[tuple[str, ...], int] = {}
    faults: dict[int, str] = {}
    for line, text in enumerate(texts, 1):
        words = folded(text)
        if not words:
            faults[line] = f"expected a command, came {text.strip()!r}; write one there, or take the line out"
        elif words in first:
            faults[line] = (
                f"{text!r} is the command of line {first[words]} again (capitals and punctuation make no "
                "difference); take one of them out"
            )
        else:
            first[words] = line
    return faults


def _told(faults: Mapping[int, str], count: int, where: str) -> str:
    """Faults of lines in words: one alone, or a list."""
    lines = [f"{where}, line {line}: {why}" for line, why in sorted(faults.items())]
    if len(lines) == 1:
        return lines[0]
    return f"{len(lines)} of {count} lines are no commands that can be learned:\n  " + "\n  ".join(lines)


@dataclass(frozen=True)
class Commands:
    """Commands of one or several words. Capitals and punctuation around words make no difference.

    Raises InvalidArgument where there is none, an empty one, or one twice.

    >>> Commands(("lights on", "lights")).said("Lights, please! Then: lights on.")
    ('lights', 'lights on')
    """

    texts: tuple[str, ...]
    where: str = "commands"

    def __post_init__(self) -> None:
        if not self.texts:
            raise InvalidArgument(
                f"{self.where}: expected commands, one a line, came none; write some into it"
            )
        if faults := _faults(self.texts):
            raise InvalidArgument(_told(faults, len(self.texts), self.where))

    @property
    def tokens(self) -> tuple[str, ...]:
        """Each command as one word of a transcript."""
        return tuple(GAP.join(text.split()) for text in self.texts)

    @cached_property
    def _known(self) -> dict[tuple[str, ...], int]:
        return {folded(text): place for place, text in enumerate(self.texts)}

    def said(self, text: str) -> tuple[str, ...]:
        """The commands in a transcript, in turn; of several that begin at a word the longest."""
        return tuple(self.texts[place] for place in self._places(text))

    def reduced(self, text: str) -> str:
        """A transcript with each command as one word, and OTHER for each other word."""
        tokens = self.tokens
        return " ".join(OTHER if place is None else tokens[place] for place in self._parts(text))

    def heard(self, reduced: str) -> tuple[int, ...]:
        """The places of the commands in what `reduced` gave."""
        tokens = self.tokens
        return tuple(tokens.index(word) for word in reduced.split() if word != OTHER)

    def _places(self, text: str) -> list[int]:
        return [place for place in self._parts(text) if place is not None]

    def _parts(self, text: str) -> list[int | None]:
        """For each command its place, for each other word None."""
        words, at = folded(text), 0
        found: list[int | None] = []
        longest = max(map(len, self._known))
        while at < len(words):
            for size in range(min(longest, len(words) - at), 0, -1):
                if (place := self._known.get(words[at : at + size])) is not None:
                    found.append(place)
                    at += size
                    break
            else:
                found.append(None)
                at += 1
        return found

    def check(self, transcripts: Iterable[str]) -> None:
        """Raise DataError, naming the lines, for commands that are never said in training transcripts."""
        faults = [
            f"{self.where}, line {place + 1}: {self.texts[place]!r} {why}"
            for place, why in self.unsaid(transcripts).items()
        ]
        if faults:
            raise DataError(
                f"{len(faults)} of {len(self.texts)} commands cannot be learned:\n  "
                + "\n  ".join(faults)
                + "\nRecord them (a dozen times each, by several voices, is a beginning), write them as the "
                "transcripts do, or take them out."
            )

    def unsaid(self, transcripts: Iterable[str]) -> dict[int, str]:
        """The places of the commands that are never said in training transcripts, and why that may be."""
        texts = list(transcripts)
        counted = dict.fromkeys(range(len(self.texts)), 0)
        for text in texts:
            for place in self._places(text):
                counted[place] += 1
        letters = {letter for text in texts for word in folded(text) for letter in word}
        faults: dict[int, str] = {}
        for place, count in counted.items():
            if count:
                continue
            strange = sorted({each for word in folded(self.texts[place]) for each in word} - letters)
            why = "is said in no training transcript"
            if strange:
                why = f"has {', '.join(map(repr, strange))}, which no training transcript has"
            faults[place] = why
        return faults


def folded(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: no capitals, no punctuation around them.

    >>> folded(" Lights  ON! ")
    ('lights', 'on')
    """
    words = unicodedata.normalize("NFC", text).casefold().split()
    return tuple(bare for word in words if (bare := _bare(word)))


def _bare(word: str) -> str:
    """A word without the punctuation before and behind it."""
    kept = [place for place, sign in enumerate(word) if not unicodedata.category(sign).startswith("P")]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def listed(texts: Sequence[str]) -> str:
    """Some commands in a sentence."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
