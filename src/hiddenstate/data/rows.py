"""The rows of any table -> a corpus: which columns, which split, which rows are out of scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hiddenstate.data.corpus import SPLITS, Corpus, Example
from hiddenstate.errors import DataError, InvalidArgument, nearest

# The first of these that a table has is used, in any case of letters.
ALIASES = {
    "text": ("text", "utterance", "sentence", "query", "question", "message", "input", "content"),
    "label": ("label", "intent", "category", "class", "target", "tag"),
    "split": ("split", "fold", "partition", "subset"),
}
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Table:
    """Rows as read from a file, which calls row i `numbers[i]`, counted in `unit` ("line" or "row")."""

    where: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    numbers: Sequence[int]
    unit: str

    def place(self, rows: Sequence[int]) -> str:
        """Name some rows as the file numbers them: "line 7" or "lines 7, 9, 12 and 4 more"."""
        shown = ", ".join(str(self.numbers[row]) for row in rows[:3])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        return f"{self.unit}{'s' if len(rows) > 1 else ''} {shown}{more}"


def corpus_of(
    table: Table,
    name: str,
    sha256: str,
    *,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
) -> Corpus:
    """Make a corpus of a table; text, label and split name its columns where the usual names do not fit.

    Space around texts and labels is dropped. Without a split column every row is in "train". Rows labelled
    `oos`, `out_of_scope` or `out-of-scope` (any case) are out of scope.

    Raises InvalidArgument for a named column that is not there; DataError for columns that cannot be guessed,
    rows without a text or label, a split nobody knows, or two names for out of scope.
    """
    texts = _strings(table, _column(table, "text", text))
    labels = _strings(table, _column(table, "label", label))
    place = find(table, split, ALIASES["split"])
    splits = splits_of(table, place) if place is not None else ["train"] * len(texts)
    rows: dict[str, list[Example]] = {key: [] for key in SPLITS if key in set(splits)}
    for key, sentence, target in zip(splits, texts, labels, strict=True):
        rows[key].append(Example(sentence, target))
    filled = {key: tuple(examples) for key, examples in rows.items()}
    return Corpus(name, filled, _out_of_scope(table, labels), sha256)


def _column(table: Table, role: str, named: str | None) -> int:
    """Return the place of the column for a role."""
    place = find(table, named, ALIASES[role])
    if place is None:
        first, *others = ALIASES[role]
        raise DataError(
            f"{table.where}: expected a column named {first!r} (or {', '.join(others)}), came the columns: "
            f"{', '.join(table.columns) or 'none'}. Say which one with --{role} COLUMN ({role}= in Python)."
        )
    return place


def find(table: Table, named: str | None, aliases: Sequence[str]) -> int | None:
    """Look for a column by its name as given, else by the first alias that the table has.

    Raises InvalidArgument for a named column that is not there, DataError where two have the same name.
    """
    found = ", ".join(table.columns) or "none"
    if named is not None and named not in table.columns:
        raise InvalidArgument(
            f"{table.where}: there is no column {named!r}; {nearest(named, table.columns)} "
            f"(columns found: {found})."
        )
    if named is not None:
        return table.columns.index(named)
    folded = [column.casefold() for column in table.columns]
    alias = next((alias for alias in aliases if alias in folded), None)
    if alias is None:
        return None
    if folded.count(alias) > 1:
        raise DataError(
            f"{table.where}: more than one column is called {alias!r} (columns found: {found}). Rename one."
        )
    return folded.index(alias)


def _strings(table: Table, column: int) -> list[str]:
    """Return one column as stripped strings; whole numbers are taken as names, other values are refused."""
    name = table.columns[column]
    values: list[str] = []
    empty: list[int] = []
    for row, cells in enumerate(table.rows):
        value = "" if cells[column] is None else cells[column]
        if isinstance(value, int):
            value = str(value)
        if not isinstance(value, str) or "\0" in value:
            raise DataError(
                f"{table.where}: expected a string without NUL characters in the column {name!r}, came "
                f"{type(value).__name__} {str(value)[:40]!r} at {table.place([row])}. Correct or delete it."
            )
        values.append(value.strip())
        if not values[-1]:
            empty.append(row)
    if empty:
        raise DataError(
            f"{table.where}: expected a value in the column {name!r}, came nothing at {table.place(empty)}. "
            f"Fill it in, or delete the row."
        )
    return values


def splits_of(table: Table, column: int) -> list[str]:
    """Return the split of every row; raises DataError for one that nobody knows."""
    found: list[str] = []
    for row, value in enumerate(_strings(table, column)):
        if value.casefold() not in SPLIT_NAMES:
            raise DataError(
                f"{table.where}: unknown split {value!r} in the column {table.columns[column]!r} at "
                f"{table.place([row])}; {nearest(value.casefold(), SPLIT_NAMES)}"
            )
        found.append(SPLIT_NAMES[value.casefold()])
    return found


def _out_of_scope(table: Table, labels: Sequence[str]) -> str | None:
    rejected = [(label, row) for row, label in enumerate(labels) if label.casefold() in OUT_OF_SCOPE_NAMES]
    first = dict(reversed(rejected))
    if len(first) > 1:
        came = " and ".join(f"{label!r} ({table.place([row])})" for label, row in sorted(first.items()))
        raise DataError(
            f"{table.where}: expected one name for out of scope, came {came}. Use the same for both."
        )
    return next(iter(first), None)
