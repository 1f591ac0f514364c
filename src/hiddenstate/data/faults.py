"""What is wrong with the rows of a file: raised at the first by those who train, kept by those who check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hiddenstate.errors import DataError

Number = int | str  # how a file numbers a row: 7, or "train[6]" in JSON


@dataclass(frozen=True)
class Fault:
    """Something that keeps rows from being read: its kind, what to tell a person, and the rows concerned.

    kind: "encoding", "unreadable", "header", "empty" or "value"; no numbers: the file as a whole. `brief`
    says it beside a row; `content` is what stands there, where the row cannot be taken apart.
    """

    kind: str
    words: str
    numbers: tuple[Number, ...] = ()
    brief: str = ""
    content: str = ""


Tell = Callable[[Fault], None]


def refuse(fault: Fault) -> None:
    """Raise a fault as DataError: for those who cannot do without the row."""
    raise DataError(fault.words)
