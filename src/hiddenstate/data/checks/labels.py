"""Labels that differ only in writing, that are too rare, or that come from the wrong column."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from hiddenstate.data.checks.findings import Finding, on
from hiddenstate.data.corpus import FEW_ROWS, MOST_LABELS, NEARLY_UNIQUE, SPLITS
from hiddenstate.data.rows import Row

FEW = 5  # with fewer, one text held out of each is a fifth of all there is
RARER = 10
_SPACE = re.compile(r"[\s_-]+")


def bare(label: str) -> str:
    """Return what is left of a label without case, Unicode forms, invisible signs and kinds of space.

    >>> bare("Book\\u00a0 flight") == bare("book_flight") == bare("BOOK FLIGHT ")
    True
    """
    plain = unicodedata.normalize("NFKC", label).casefold()
    plain = "".join(" " if unicodedata.category(sign) == "Cf" else sign for sign in plain)
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", plain)).strip()


def spellings(counts: Mapping[str, int]) -> list[list[str]]:
    """Group labels that differ only in writing, the most frequent of each group first.

    >>> spellings({"Refund": 2, "refund": 30, "cancel": 9})
    [['refund', 'Refund']]
    """
    forms: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        forms[bare(label)].append(label)
    return [sorted(each, key=lambda form: (-counts[form], form)) for each in forms.values() if len(each) > 1]


def spelling_in_words(labels: Iterable[str]) -> list[str]:
    """Say in sentences which of the labels of some rows differ only in writing."""
    counts = Counter(labels)
    return [
        f"Labels that differ only in writing are learned as {len(forms)} intents: "
        + ", ".join(f"{form!r} ({counts[form]:,} rows)" for form in forms)
        + "."
        for forms in spellings(counts)
    ]


def written(rows: Sequence[Row]) -> tuple[list[Finding], list[str]]:
    """Find labels that differ only in writing; return for each row the way that its label is written most."""
    counts = Counter(row.label for row in rows)
    usual = {form: forms[0] for forms in spellings(counts) for form in forms}
    found = [
        on(
            row,
            "spelling",
            f"differs from {usual[row.label]!r} ({counts[usual[row.label]]:,} rows) in "
            + _difference(row.label, usual[row.label]),
            suggestion=usual[row.label],
        )
        for row in rows
        if usual.get(row.label, row.label) != row.label
    ]
    ways = Counter((row.label, row.written) for row in rows)
    plain = {label for label, form in ways if form == label}
    found += [
        on(row, "space", f"{row.written!r} has space around it, others have none", suggestion=row.label)
        for row in rows
        if row.written != row.label and row.label in plain
    ]
    return found, [usual.get(row.label, row.label) for row in rows]


def _difference(one: str, other: str) -> str:
    """Name what two labels differ in, the first of: case, Unicode form, invisible signs or space."""
    if one.casefold() == other.casefold():
        return "case"
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        return "Unicode form (composed or not)"
    if _SPACE.sub(" ", one) == _SPACE.sub(" ", other):
        return "space, _ or -"
    return "more than one of case, Unicode form, space and invisible signs"


def column(rows: Sequence[Row]) -> list[Finding]:
    """Find labels so many that they can hardly be labels, or one label alone."""
    labels, texts = {row.label for row in rows}, {row.text for row in rows}
    if rows and len(labels) == 1:
        return [Finding("column", f"all {len(rows):,} rows have the label {rows[0].label!r}")]
    if len(rows) < FEW_ROWS or len(labels) <= NEARLY_UNIQUE * len(rows):
        says = f"{len(labels):,} labels; training takes at most {MOST_LABELS:,}: join them into groups"
        return [Finding("column", says)] if len(labels) > MOST_LABELS else []
    says = (
        f"{len(labels):,} different labels in {len(rows):,} rows: is this the column of an id, or of texts?"
    )
    if len(texts) < NEARLY_UNIQUE * len(labels):
        says = f"{len(labels):,} different labels but only {len(texts):,} different texts: are they swapped?"
    return [Finding("column", says)]


def sizes(rows: Sequence[Row], labels: Sequence[str], out_of_scope: str | None) -> list[Finding]:
    """Find intents with few texts to train on, with far fewer than another, or with none."""
    counts = Counter(label for row, label in zip(rows, labels, strict=True) if row.split == "train")
    first: dict[str, Row] = {}
    asked: dict[str, set[str]] = defaultdict(set)
    for row, label in zip(rows, labels, strict=True):
        first.setdefault(label, row)
        asked[label].add(row.split)
    found = []
    for label in first.keys() - counts.keys() - {out_of_scope}:
        splits = " and ".join(name for name in SPLITS if name in asked[label])
        says = f"{splits} asks for it, and training has no text of it"
        found.append(on(first[label], "classes", says, column=""))
    counts.pop(out_of_scope or "", None)
    most, largest = max(((count, label) for label, count in counts.items()), default=(0, ""))
    for label, count in counts.items():
        if count == 1:
            found.append(on(first[label], "single", "the only text of its intent", column=""))
        elif count < FEW:
            says = f"{count} texts of this intent"
            found.append(Finding("few", says, None, "", label, column="", weight=-count))
        if count * RARER <= most:
            says = f"{count:,} texts; {largest!r} has {most:,}, {most / count:.0f} times as many"
            found.append(Finding("imbalance", says, None, "", label, column="", weight=most / count))
    return found
