"""The rows of any table -> tagged sentences: words and tags side by side, perhaps an intent and a split."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from hiddenstate.data import rows
from hiddenstate.data.corpus import SPLITS
from hiddenstate.data.rows import Table
from hiddenstate.data.tagged import Sentence, TaggedCorpus
from hiddenstate.errors import DataError

ALIASES = {
    "words": ("words", "tokens", *rows.ALIASES["text"]),
    "tags": ("tags", "slots", "slot_labels", "ner_tags", "iob", "bio", "labels", "slot", "tag", "label"),
    "intent": ("intent", "intent_label", "category", "class"),
    "split": rows.ALIASES["split"],
}
OPTIONS = {"words": "text", "tags": "label", "intent": "set intent_column"}


def is_header(content: bytes) -> bool:
    """Say whether the first line of a file names a column of words and one of tags, between tabs."""
    first = content.lstrip(codecs.BOM_UTF8).split(b"\n", 1)[0].decode("utf-8", "replace")
    names = {name.strip().casefold() for name in first.split("\t")}
    return all(names & set(ALIASES[role]) for role in ("words", "tags"))


def sentences_of(
    table: Table, *, words: str | None = None, tags: str | None = None, intent: str | None = None
) -> dict[str, list[Sentence]]:
    """Make tagged sentences of a table, by split; words, tags and intent name columns with other names.

    A column of words or tags holds lists, or strings that are cut at spaces.

    Raises InvalidArgument for a named column that is not there; DataError for columns that cannot be
    guessed, a
    row with another number of tags than of words, a row without either, or a split nobody knows.
    """
    word_place, tag_place = _column(table, "words", words), _column(table, "tags", tags)
    intent_place = rows.find(table, intent, ALIASES["intent"])
    place = rows.find(table, None, ALIASES["split"])
    splits = rows.splits_of(table, place) if place is not None else ["train"] * len(table.rows)
    found: dict[str, list[Sentence]] = {name: [] for name in SPLITS if name in set(splits)}
    for row, (split, cells) in enumerate(zip(splits, table.rows, strict=True)):
        where = f"{table.where}, {table.place([row])}"
        given, marks = (
            _list(cells[word_place], where, "words"),
            _list(cells[tag_place], where, "tags"),
        )
        if len(given) != len(marks) or not given:
            raise DataError(
                f"{where}: expected one tag for each word, came {len(given)} words "
                f"({' '.join(given)[:40]!r}) and {len(marks)} tags ({' '.join(marks)[:40]!r}). Words are "
                "what stands between spaces."
            )
        named = None if intent_place is None else cells[intent_place]
        label = str(named).strip() or None if named is not None else None
        number = table.numbers[row]
        line = number if isinstance(number, int) else row + 1
        found[split].append(Sentence(tuple(given), tuple(marks), label, None, line))
    return found


def table_of(corpus: TaggedCorpus, where: str) -> tuple[Table, str]:
    """Return the sentences as a table of texts and intents, and the corpus's SHA-256.

    Rows are numbered by their lines; by their order, where they come from several files.
    """
    every = [(name, each) for name, sentences in corpus.splits.items() for each in sentences]
    lines = [each.line for _, each in every]
    alone = len(set(lines)) == len(lines)
    numbers = lines if alone else list(range(1, len(lines) + 1))
    cells = [(each.written, each.intent, name) for name, each in every]
    return Table(where, ("text", "label", "split"), cells, numbers, "line" if alone else "row"), corpus.sha256


def _column(table: Table, role: str, named: str | None) -> int:
    place = rows.find(table, named, ALIASES[role])
    if place is None:
        first, *others = ALIASES[role]
        raise DataError(
            f"{table.where}: expected a column named {first!r} (or {', '.join(others[:6])}, ...) with the "
            f"{role}, came the columns: {', '.join(table.columns) or 'none'}. Say which one with "
            f"--{OPTIONS[role]} COLUMN."
        )
    return place


def _list(value: object, where: str, role: str) -> list[str]:
    """What a cell holds as a list of strings."""
    if isinstance(value, str):
        return value.split()
    if not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        came = (
            f"a list with {next(type(each).__name__ for each in value if not isinstance(each, str))}"
            if (isinstance(value, Sequence))
            else type(value).__name__
        )
        cure = (
            "Write tags by their names, such as B-city." if role == "tags" else "Write the words as strings."
        )
        raise DataError(f"{where}: expected {role} as a string or a list of strings, came {came}. {cure}")
    return [str(each) for each in value]
