"""Tables of a report in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from hiddenstate.data.words import clip


def percent(value: float | None) -> str:
    """A share as the report writes it."""
    return "-" if value is None else f"{100 * value:.1f} %"


def flat(text: str, letters: int = 1000) -> str:
    """A text on one line, of at most so many letters."""
    return clip(" ".join(text.split()), letters)


def cell(text: str) -> str:
    """A text inside a table: one line, no bars, not endless."""
    return flat(text, 120).replace("|", "\\|")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, or that it has none."""
    if not rows:
        return ["None.", ""]
    head = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return [*head, *("| " + " | ".join(row) + " |" for row in rows), ""]
