"""The findings as a CSV that a person can filter and correct in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from hiddenstate.data.checks.findings import KINDS, Verdict

COLUMNS = ("row", "finding", "misleads", "text", "label", "says", "suggestion", "for_column", "other_row")
# A spreadsheet takes a cell that begins so for a formula (CWE-1236); an apostrophe before makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(verdicts: Sequence[Verdict]) -> bytes:
    """Write findings as CSV in UTF-8 with a byte order mark, by which Excel knows that it is UTF-8."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(verdicts))
    return written.getvalue().encode("utf-8-sig", errors="replace")


def _rows(verdicts: Sequence[Verdict]) -> Iterator[list[str]]:
    for verdict in verdicts:
        title, misleads = KINDS[verdict.kind].title, "yes" if verdict.misleads else "no"
        for each in verdict.findings:
            column = each.column if each.suggestion else ""
            cells = (each.text, each.label, each.says, each.suggestion, column)
            yield [
                "" if each.number is None else str(each.number),
                title,
                misleads,
                *map(harmless, cells),
                "" if each.other is None else str(each.other),
            ]


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("where is it")
    ("'=1+1", 'where is it')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
