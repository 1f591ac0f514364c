"""Transcripts -> symbols and back: characters, pieces of words, or whole words. Symbol 0 is CTC's blank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hiddenstate.decode import Alphabet
from hiddenstate.errors import DataError, RunError
from hiddenstate.tasks.speech.pieces import Pair, cut, learned
from hiddenstate.tasks.text.markdown import flat

BLANK = 0
SHOWN = 10
QUOTED = 60  # letters of a transcript, in a sentence about it
KINDS = ("characters", "bpe", "words")


@dataclass(frozen=True)
class Symbols:
    """The symbols that a recogniser can write, after the blank; `kind` is characters, bpe or words.

    merges: of bpe, which two pieces become one, in this order; what begins a word has a space in front.

    >>> symbols = Symbols.of(["NO", "ON"], "characters")
    >>> symbols.encode("NO"), symbols.alphabet.text([2, 1])
    ([1, 2], 'ON')
    """

    kind: str
    written: tuple[str, ...]
    merges: tuple[Pair, ...] = ()

    @classmethod
    def of(cls, transcripts: Iterable[str], kind: str, pieces: int = 0) -> Symbols:
        """Collect the symbols of training transcripts; of bpe so many pieces at most.

        Raises DataError where the letters alone are more than the pieces.
        """
        if kind == "bpe":
            return cls(kind, *learned(transcripts, pieces))
        found = {symbol for text in transcripts for symbol in cls(kind, ()).cut(text)}
        return cls(kind, tuple(sorted(found)))

    def __len__(self) -> int:
        """Return the number of symbols, the blank included."""
        return len(self.written) + 1

    def cut(self, text: str) -> list[str]:
        """The symbols that write a text, known or not."""
        if self.kind == "bpe":
            return [piece for word in text.split() for piece in cut(word, self._ranks)]
        return list(normal(text)) if self.kind == "characters" else text.split()

    def encode(self, text: str) -> list[int]:
        """The ids of a transcript; raises DataError, naming the symbols that are not known."""
        if self.strange(text):
            raise DataError(self.refusal(text))
        return [self._numbers[part] for part in self.cut(text)]

    def strange(self, text: str) -> list[str]:
        """What of a transcript no symbol writes."""
        return sorted({part.strip() or part for part in self.cut(text) if part not in self._numbers})

    def refusal(self, text: str) -> str:
        """Say what of a transcript no symbol writes."""
        strange = listed([repr(part) for part in self.strange(text)])
        return f"the transcript {flat(text, QUOTED)!r} has {strange}, which no training transcript has"

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: place for place, symbol in enumerate(self.written, start=1)}

    @cached_property
    def _ranks(self) -> dict[Pair, int]:
        return {pair: rank for rank, pair in enumerate(self.merges)}

    @property
    def alphabet(self) -> Alphabet:
        """The symbols as decoders know them."""
        gap = " " if self.kind == "words" else ""
        return Alphabet(("", *(gap + symbol for symbol in self.written)))

    def as_dict(self) -> dict[str, Any]:
        """The symbols as JSON can hold them."""
        merges = {"merges": [list(pair) for pair in self.merges]} if self.kind == "bpe" else {}
        return {"kind": self.kind, "written": list(self.written), **merges}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> Symbols:
        """Rebuild what `as_dict` wrote; raises RunError where it cannot be."""
        kind, written, merges = values.get("kind"), values.get("written", []), values.get("merges", [])
        right = isinstance(written, list) and all(isinstance(each, str) and each for each in written)
        paired = isinstance(merges, list) and all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(piece, str) for piece in pair)
            for pair in merges
        )
        if kind not in KINDS or not (right and paired) or len(set(written)) != len(written):
            raise RunError(f"{where} is damaged: no valid symbols; restore the file or train again")
        return cls(kind, tuple(written), tuple((left, right) for left, right in merges))


def normal(text: str) -> str:
    """A transcript as it is learned: gaps of one space."""
    return " ".join(text.split())


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """Name the first few, and count the others.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
