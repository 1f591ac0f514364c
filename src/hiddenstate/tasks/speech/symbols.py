"""Transcripts -> symbols and back: characters, or whole words. Symbol 0 is CTC's blank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hiddenstate.decode import Alphabet
from hiddenstate.errors import DataError, RunError

BLANK = 0
SHOWN = 10


@dataclass(frozen=True)
class Symbols:
    """The symbols that a recogniser can write, after the blank; `kind` is characters or words.

    >>> symbols = Symbols.of(["NO", "ON"], "characters")
    >>> symbols.encode("NO"), symbols.alphabet.text([2, 1])
    ([1, 2], 'ON')
    """

    kind: str
    written: tuple[str, ...]

    @classmethod
    def of(cls, transcripts: Iterable[str], kind: str) -> Symbols:
        """Collect the symbols of training transcripts."""
        found = {symbol for text in transcripts for symbol in _cut(text, kind)}
        return cls(kind, tuple(sorted(found)))

    def __len__(self) -> int:
        """Return the number of symbols, the blank included."""
        return len(self.written) + 1

    def encode(self, text: str) -> list[int]:
        """The ids of a transcript; raises DataError, naming the symbols that are not known."""
        number = {symbol: place for place, symbol in enumerate(self.written, start=1)}
        parts = _cut(text, self.kind)
        if strange := sorted({part for part in parts if part not in number}):
            raise DataError(
                f"the transcript {text!r} has {_listed(strange)}, which no training transcript has"
            )
        return [number[part] for part in parts]

    @property
    def alphabet(self) -> Alphabet:
        """The symbols as decoders know them."""
        gap = "" if self.kind == "characters" else " "
        return Alphabet(("", *(gap + symbol for symbol in self.written)))

    def as_dict(self) -> dict[str, Any]:
        """The symbols as JSON can hold them."""
        return {"kind": self.kind, "written": list(self.written)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> Symbols:
        """Rebuild what `as_dict` wrote; raises RunError where it cannot be."""
        kind, written = values.get("kind"), values.get("written", [])
        right = isinstance(written, list) and all(isinstance(each, str) and each for each in written)
        if kind not in ("characters", "words") or not right or len(set(written)) != len(written):
            raise RunError(f"{where} is damaged: no valid symbols; restore the file or train again")
        return cls(kind, tuple(written))


def normal(text: str) -> str:
    """A transcript as it is learned: gaps of one space."""
    return " ".join(text.split())


def _cut(text: str, kind: str) -> list[str]:
    return list(normal(text)) if kind == "characters" else text.split()


def _listed(strange: Sequence[str]) -> str:
    more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
    return ", ".join(map(repr, strange[:SHOWN])) + more
