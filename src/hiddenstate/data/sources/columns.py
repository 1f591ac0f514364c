"""Files of words and tags: one word a line (CoNLL), or one sentence a line with its tags behind a tab.

One word a line: columns between tabs or spaces, the word first, the tag last, a blank line between sentences;
`-DOCSTART-` lines are passed over, and a line `# intent: x` before a sentence names its intent.
One sentence a line: words, a tab, as many tags, perhaps a tab and the intent; between BOS and EOS the tag of
EOS is
the intent, as ATIS is handed on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hiddenstate.data import textfile
from hiddenstate.data.tagged import Sentence
from hiddenstate.errors import DataError

DOCUMENT = "-DOCSTART-"
BEGIN, END = "BOS", "EOS"
PARTS = ("seq.in", "seq.out", "label")  # of a folder with words, tags and intents in three files
_COMMENT = re.compile(r"#\s*([A-Za-z_][\w ]*?)\s*[:=]\s*(.*)")


def parse(content: bytes, where: str) -> tuple[list[Sentence], list[str]]:
    """Read a file's sentences with the tags as they stand there, and notes on what is not used.

    Raises DataError for a line without a tag, or with another number of columns or of tags than it should
    have.
    """
    lines = [line.rstrip("\r") for line in textfile.decode(content, where).split("\n")]
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if all(len(part.split()) > 1 for part in first.split("\t")[:2]) and "\t" in first:
        return list(_whole_sentences(lines, where)), []
    return _words(lines, where)


def _words(lines: Sequence[str], where: str) -> tuple[list[Sentence], list[str]]:
    """Read one word a line."""
    found: list[Sentence] = []
    unused: Counter[str] = Counter()
    words: list[tuple[str, str]] = []
    intent, began, columns = None, 0, 0
    for number, line in enumerate([*lines, ""], start=1):
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        comment = _COMMENT.fullmatch(line.strip()) if line.startswith("#") and not words else None
        if comment is not None and "\t" not in line:
            if comment[1].casefold() == "intent":
                intent = comment[2].strip() or None
            else:
                unused[comment[1]] += 1
        elif not any(fields) or fields[0] == DOCUMENT:
            if words:
                found.append(
                    Sentence(tuple(w for w, _ in words), tuple(t for _, t in words), intent, None, began)
                )
                words, intent = [], None
        else:
            columns = columns or len(fields)
            _check_fields(fields, columns, f"{where}, line {number}")
            began = began if words else number
            words.append((fields[0], fields[-1]))
    notes = []
    if unused:
        listed = ", ".join(f"{name!r} ({count} times)" for name, count in unused.items())
        notes.append(f"Lines before sentences that are not used: {listed}.")
    return found, notes


def _check_fields(fields: Sequence[str], columns: int, where: str) -> None:
    if len(fields) < 2:
        raise DataError(
            f"{where}: expected a word and its tag, came {fields[0][:40]!r} alone. Write a word that is no "
            "value as: word O"
        )
    if len(fields) != columns:
        raise DataError(
            f"{where}: expected {columns} columns as in the first line, came {len(fields)} "
            f"({' '.join(fields)[:40]!r}). Correct the line, or leave a line blank between sentences."
        )
    if not fields[0] or not fields[-1]:
        raise DataError(f"{where}: expected a word first and its tag last, came an empty column. Fill it in.")


def _whole_sentences(lines: Sequence[str], where: str) -> Iterator[Sentence]:
    """Read one sentence a line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{where}, line {number}"
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) not in (2, 3):
            raise DataError(
                f"{place}: expected words, a tab, and their tags (perhaps a tab and the intent), came "
                f"{len(parts)} parts. Divide them by one tab each."
            )
        words, tags = parts[0].split(), parts[1].split()
        intent = parts[2] or None if len(parts) == 3 else None
        check_counts(words, tags, place)
        if words[0] == BEGIN:
            words, tags = words[1:], tags[1:]
        if words and words[-1] == END:
            intent = tags[-1] if tags[-1] != "O" else intent
            words, tags = words[:-1], tags[:-1]
        if words:
            yield Sentence(tuple(words), tuple(tags), intent, None, number)


def check_counts(words: Sequence[str], tags: Sequence[str], place: str) -> None:
    """Raise DataError unless there is a tag for every word, and a word."""
    if len(words) != len(tags) or not words:
        raise DataError(
            f"{place}: expected one tag for each word, came {len(words)} words ({' '.join(words)[:40]!r}) "
            f"and {len(tags)} tags ({' '.join(tags)[:40]!r}). Correct the line."
        )


def read_parts(folder: Path) -> tuple[list[Sentence], list[bytes]]:
    """Read a folder of seq.in, seq.out and (where intents are known) label: line i of each is sentence i.

    Raises DataError where they have another number of lines, or a line another number of tags than of words.
    """
    names = [name for name in PARTS if (folder / name).is_file()]
    for name in PARTS[:2]:
        if name not in names:
            raise DataError(f"{folder}: expected the files {', '.join(PARTS)}, came no {name}. Add it.")
    contents = [textfile.load(folder / name) for name in names]
    columns = [
        textfile.decode(content, str(folder / name)).removesuffix("\n").split("\n")
        for content, name in zip(contents, names, strict=True)
    ]
    if len({len(column) for column in columns}) > 1:
        came = ", ".join(f"{name}: {len(column)}" for name, column in zip(names, columns, strict=True))
        raise DataError(
            f"{folder}: expected as many lines in each file, came {came}. One line is one sentence."
        )
    found = []
    for number, row in enumerate(zip(*columns, strict=True), start=1):
        words, tags = row[0].split(), row[1].split()
        check_counts(words, tags, f"{folder / PARTS[1]}, line {number}")
        intent = row[2].strip() or None if len(row) == 3 else None
        found.append(Sentence(tuple(words), tuple(tags), intent, None, number))
    return found, contents
