"""The rows of any table -> a corpus: which columns, which split, which rows are out of scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hiddenstate.data.corpus import SPLITS, Corpus, Example
from hiddenstate.data.faults import Fault, Number, Tell, refuse
from hiddenstate.errors import DataError, InvalidArgument, nearest

# The first of these that a table has is used, in any case of letters.
ALIASES = {
    "text": ("text", "utterance", "sentence", "query", "question", "message", "input", "content"),
    "label": ("label", "intent", "category", "class", "target", "tag"),
    "split": ("split", "fold", "partition", "subset"),
}
FEWEST_WORDS = 4  # no column is called by so many
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
    """Rows as read from a file, which calls row i `numbers[i]`, counted in `unit` ("line" or "row").

    header: the line that named the columns, where it was a line.
    """

    where: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    numbers: Sequence[Number]
    unit: str
    header: int | None = None

    def place(self, rows: Sequence[int]) -> str:
        """Name some rows as the file numbers them: "line 7" or "lines 7, 9, 12 and 4 more"."""
        return placed(self.unit, [self.numbers[row] for row in rows])


def placed(unit: str, numbers: Sequence[Number]) -> str:
    """Name some rows: "line 7", or "lines 7, 9, 12 and 4 more".

    >>> placed("line", [7]), placed("row", [1, 2, 3, 4])
    ('line 7', 'rows 1, 2, 3 and 1 more')
    """
    shown = ", ".join(map(str, numbers[:3]))
    more = f" and {len(numbers) - 3:,} more" if len(numbers) > 3 else ""
    return f"{unit}{'s' if len(numbers) > 1 else ''} {shown}{more}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be used: how its file numbers it, text and label without space around, and its split."""

    number: Number
    text: str
    label: str
    split: str
    written: str  # the label with the space that stood around it


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

    Space around texts and labels is dropped; labels that were so made one are said in its notes. Without a
    split column every row is in "train". Rows labelled `oos`, `out_of_scope` or `out-of-scope` (any case) are
    out of scope.

    Raises InvalidArgument for a named column that is not there; DataError for columns that cannot be guessed,
    rows without a text or label, a split nobody knows, or two names for out of scope.
    """
    found = rows_of(table, text=text, label=label, split=split)
    splits: dict[str, list[Example]] = {key: [] for key in SPLITS if key in {row.split for row in found}}
    for row in found:
        splits[row.split].append(Example(row.text, row.label))
    filled = {key: tuple(examples) for key, examples in splits.items()}
    return Corpus(name, filled, out_of_scope(table, found), sha256, joined(table.unit, found))


def rows_of(
    table: Table,
    tell: Tell = refuse,
    *,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
) -> list[Row]:
    """Take the texts, labels and splits out of a table; rows that lack one are told and left out.

    Raises InvalidArgument for a named column that is not there; DataError for columns that cannot be guessed.
    """
    text_at, label_at, split_at = columns_of(table, text=text, label=label, split=split)
    texts, labels = _strings(table, text_at, tell), _strings(table, label_at, tell)
    splits = _splits(table, split_at, tell) if split_at is not None else ["train"] * len(texts)
    columns = zip(table.numbers, texts, labels, splits, strict=True)
    return [
        Row(number, one.strip(), two.strip(), three, two)
        for number, one, two, three in columns
        if one is not None and two is not None and three is not None
    ]


def columns_of(
    table: Table, *, text: str | None = None, label: str | None = None, split: str | None = None
) -> tuple[int, int, int | None]:
    """Return the places of the columns of texts, labels and splits; the last may be missing.

    Raises InvalidArgument for a named column that is not there; DataError for columns that cannot be guessed.
    """
    return _column(table, "text", text), _column(table, "label", label), find(table, split, ALIASES["split"])


def out_of_scope(table: Table, rows: Sequence[Row], tell: Tell = refuse) -> str | None:
    """Return the label that means "none of the others", if any; a second name for it is told."""
    first: dict[str, Number] = {}
    for row in rows:
        if row.label.casefold() in OUT_OF_SCOPE_NAMES:
            first.setdefault(row.label, row.number)
    if len(first) > 1:
        came = " and ".join(f"{name!r} ({placed(table.unit, [at])})" for name, at in sorted(first.items()))
        words = f"{table.where}: expected one name for out of scope, came {came}. Use the same for both."
        both = " and ".join(map(repr, sorted(first)))
        tell(Fault("value", words, tuple(first.values()), f"{both} both mean out of scope"))
    return next(iter(first), None)


def joined(unit: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """Say in a sentence which labels were made one by dropping the space around them.

    >>> joined("line", [Row(2, "hi", "greet", "train", "greet"), Row(3, "ho", "greet", "train", "greet ")])
    ("'greet' and 'greet ' were read as one label (space around it is dropped): line 3.",)
    """
    ways: dict[str, dict[str, list[Number]]] = {}
    for row in rows:
        ways.setdefault(row.label, {}).setdefault(row.written, []).append(row.number)
    return tuple(
        f"{' and '.join(map(repr, sorted(forms, key=len)[:4]))} were read as one label (space around it is "
        f"dropped): {placed(unit, [at for form, found in forms.items() if form != label for at in found])}."
        for label, forms in ways.items()
        if len(forms) > 1
    )


def _column(table: Table, role: str, named: str | None) -> int:
    """Return the place of the column for a role."""
    place = find(table, named, ALIASES[role])
    if place is None:
        if (missing := without_header(table)) is not None:
            raise DataError(f"{table.where}: {missing}")
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


def _strings(table: Table, column: int, tell: Tell) -> list[str | None]:
    """Return one column as strings; whole numbers are taken as names, other values and nothing are told."""
    name = table.columns[column]
    values: list[str | None] = []
    empty: list[int] = []
    for row, cells in enumerate(table.rows):
        value = "" if cells[column] is None else cells[column]
        if isinstance(value, int):
            value = str(value)
        if not isinstance(value, str) or "\0" in value:
            words = (
                f"{table.where}: expected a string without NUL characters in the column {name!r}, came "
                f"{type(value).__name__} {str(value)[:40]!r} at {table.place([row])}. Correct or delete it."
            )
            tell(Fault("value", words, (table.numbers[row],), f"{name!r} holds no plain string"))
            values.append(None)
        elif not value.strip():
            empty.append(row)
            values.append(None)
        else:
            values.append(value)
    if empty:
        words = (
            f"{table.where}: expected a value in the column {name!r}, came nothing at {table.place(empty)}. "
            f"Fill it in, or delete the row."
        )
        tell(Fault("empty", words, tuple(table.numbers[row] for row in empty), f"nothing in {name!r}"))
    return values


def splits_of(table: Table, column: int) -> list[str]:
    """Return the split of every row; raises DataError for one that nobody knows."""
    return [name for name in _splits(table, column, refuse) if name is not None]


def _splits(table: Table, column: int, tell: Tell) -> list[str | None]:
    found: list[str | None] = []
    for row, value in enumerate(_strings(table, column, tell)):
        name = (value or "").strip().casefold()
        if value is not None and name not in SPLIT_NAMES:
            words = (
                f"{table.where}: unknown split {value.strip()!r} in the column {table.columns[column]!r} at "
                f"{table.place([row])}; {nearest(name, SPLIT_NAMES)}"
            )
            tell(Fault("value", words, (table.numbers[row],), f"unknown split {value.strip()!r}"))
        found.append(SPLIT_NAMES.get(name))
    return found


def without_header(table: Table) -> str | None:
    """Say where the line that should name the columns looks like a row: a value of more rows, a sentence."""
    if table.header is None or any(
        name.casefold() in ALIASES[role] for role in ("text", "label") for name in table.columns
    ):
        return None
    for place, name in enumerate(table.columns):
        again = sum(str(cells[place]).strip() == name for cells in table.rows)
        if name and (again or len(name.split()) >= FEWEST_WORDS):
            why = f"{again:,} more row{'s have' if again > 1 else ' has'} it" if again else "it is a sentence"
            return (
                f"expected a header that names the columns, came a row in line {table.header}: {name[:40]!r} "
                f"looks like a value ({why}). Put a line before it that names the columns, such "
                f"as: {','.join(guessed_columns(table))}"
            )
    return None


def with_header(table: Table) -> Table:
    """Take the line that was read as a header for a row, under the names that the columns look like."""
    first = table.numbers[0] if table.header is None else table.header
    rows = [tuple(table.columns), *table.rows]
    return Table(table.where, guessed_columns(table), rows, [first, *table.numbers], table.unit)


def guessed_columns(table: Table) -> tuple[str, ...]:
    """Name columns by what stands in them: splits have their names, labels repeat most, texts are longest."""
    values = [[str(cells[place]).strip() for cells in table.rows] for place in range(len(table.columns))]
    names = [f"column_{place}" for place in range(1, len(values) + 1)]
    left = list(range(len(values)))
    for place in left:
        if all(value.casefold() in SPLIT_NAMES for value in values[place]) and len(left) > 2:
            names[place] = "split"
            left.remove(place)
            break
    if len(left) > 1:
        target = min(left, key=lambda place: (len(set(values[place])), sum(map(len, values[place]))))
        names[target] = "label"
        left.remove(target)
    names[max(left, key=lambda place: sum(map(len, values[place])))] = "text"
    return tuple(names)
