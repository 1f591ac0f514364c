"""A file as a check reads it: all rows that can be used, and findings on those that cannot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hiddenstate.data import sources
from hiddenstate.data.checks.findings import Finding, on
from hiddenstate.data.faults import Fault, Number
from hiddenstate.data.rows import Row, Table, columns_of, out_of_scope, rows_of, with_header, without_header


@dataclass(frozen=True)
class Reading:
    """The rows that can be used, the label that means "none of the others", and what was found on the way."""

    rows: tuple[Row, ...]
    out_of_scope: str | None
    findings: tuple[Finding, ...]
    unit: str
    count: int  # rows of the file, those that cannot be used too
    sha256: str


def examine(name_or_path: str | Path, *, text: str | None = None, label: str | None = None) -> Reading:
    """Read labelled texts, and go on where training would refuse.

    Raises DataError for what has no rows at all, or no column of texts or labels.
    """
    faults: list[Fault] = []
    table, sha256 = sources.table(name_or_path, faults.append)
    unreadable = len({number for fault in faults if fault.kind == "unreadable" for number in fault.numbers})
    if text is None and label is None and (missing := without_header(table)) is not None:
        faults.append(Fault("header", missing))
        table = with_header(table)
    columns = columns_of(table, text=text, label=label)
    found = rows_of(table, faults.append, text=text, label=label)
    rejected = out_of_scope(table, found, faults.append)
    header = tuple(table.columns[place] for place in columns[:2]) if table.header is not None else None
    findings = _findings(faults, table, columns)
    findings += [
        on(row, "header", "the header once more") for row in found if (row.text, row.label) == header
    ]
    rows = tuple(row for row in found if (row.text, row.label) != header)
    return Reading(rows, rejected, tuple(findings), table.unit, len(table.rows) + unreadable, sha256)


def _findings(faults: Sequence[Fault], table: Table, columns: Sequence[int | None]) -> list[Finding]:
    """Say each fault once for each of its rows, or once for the file; with the cells where there are some."""
    lines = [number for number in table.numbers if isinstance(number, int)]
    places = {number: place for place, number in enumerate(table.numbers)}
    found: dict[tuple[str, Number | None], Finding] = {}
    for fault in faults:
        words = fault.words.removeprefix(f"{table.where}: ")
        for number in fault.numbers or (None,):
            place = places.get(number) if number is not None else None
            if place is None and fault.kind == "encoding" and isinstance(number, int):
                # a line inside a row that begins earlier; the header's are before them all
                place = bisect_right(lines, number) - 1 if lines and number > lines[0] else None
            at = number if place is None else table.numbers[place]
            cells = ["", ""] if place is None else [_cell(table, place, column) for column in columns[:2]]
            found.setdefault(
                (fault.kind, at),
                Finding(fault.kind, fault.brief or words, at, fault.content or cells[0], cells[1], column=""),
            )
    return list(found.values())


def _cell(table: Table, row: int, column: int | None) -> str:
    value = None if column is None else table.rows[row][column]
    return "" if value is None else str(value).strip()
