"""What a task gives the command line to show of its answers: words and rows; drawing is not its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AnswerTable:
    """Answers as a table: `right` names the columns that stand on the right."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """One answer in a conversation: a name and how sure it is (None: nothing to be sure of), then lines."""

    name: str
    probability: float | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Items:
    """What a task answers, in words: many of them, one whose answer is timed, and what to do with a run."""

    many: str = "texts"
    one: str = "one text"
    invitation: str = "Talk to it:"
    command: str = "chat {run}"


def percent(share: float) -> str:
    """Write a fraction as a person reads it.

    >>> percent(0.9431)
    '94.3 %'
    """
    return f"{100 * share:.1f} %"
