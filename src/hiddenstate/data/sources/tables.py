"""CSV, TSV, JSONL and Parquet files with a text and a label in every row."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from hiddenstate.data import textfile
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.faults import Fault, Tell, refuse
from hiddenstate.data.rows import Table, corpus_of
from hiddenstate.errors import DataError, MissingExtra


def read(
    path: Path, *, text: str | None = None, label: str | None = None, split: str | None = None
) -> Corpus:
    """Read a table; text, label and split name its columns where they are not called so (see `rows.ALIASES`).

    Raises DataError for a file that is not what its suffix says; see `rows.corpus_of` for the rest.
    """
    found, sha256 = table(path)
    return corpus_of(found, path.stem, sha256, text=text, label=label, split=split)


def table(path: Path, tell: Tell = refuse) -> tuple[Table, str]:
    """Read the rows of a file, and its SHA-256; rows that cannot be read are told and left out.

    Raises DataError for a file without rows, or that cannot be read at all.
    """
    content = textfile.load(path)
    return rows_of(content, path, tell), hashlib.sha256(content).hexdigest()


def rows_of(content: bytes, path: Path, tell: Tell = refuse) -> Table:
    """Read the rows of a file's content; raises DataError where there is none, or another format."""
    found = PARSERS[path.suffix.lower()](content, str(path), tell)
    if not found.rows:
        raise DataError(
            f"{path}: expected rows of text and label, came a header alone. Was the file cut short?"
        )
    return found


def _csv(content: bytes, where: str, tell: Tell) -> Table:
    """Read comma-separated values; a header without a comma but with a semicolon separates by semicolons."""
    text = textfile.decode(content, where, tell=tell)
    header = text.lstrip().split("\n", 1)[0]
    return _delimited(text, where, ";" if "," not in header and ";" in header else ",", tell)


def _tsv(content: bytes, where: str, tell: Tell) -> Table:
    return _delimited(textfile.decode(content, where, tell=tell), where, "\t", tell)


def _delimited(text: str, where: str, delimiter: str, tell: Tell) -> Table:
    records = list(_records(text, where, delimiter, tell))
    if not records:
        raise DataError(f"{where}: expected rows of text and label, came none that can be read.")
    (first, header), *others = records
    columns = tuple(name.strip() for name in header)
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, record in others:
        if len(record) == len(columns):
            rows.append(record)
            numbers.append(number)
            continue
        words = (
            f"{where}: expected {len(columns)} fields as in the header ({', '.join(columns)}), came "
            f"{len(record)} at line {number}. Put quotes around a text that holds {delimiter!r}."
        )
        brief = f"{len(record)} fields, the header has {len(columns)}"
        tell(Fault("unreadable", words, (number,), brief, delimiter.join(record)))
    return Table(where, columns, rows, numbers, "line", header=first)


def _records(text: str, where: str, delimiter: str, tell: Tell) -> Iterator[tuple[int, list[str]]]:
    """Yield the line in which each record begins, and its fields; go on behind a line that is told."""
    lines = list(io.StringIO(text, newline=""))
    line, ahead = 1, True
    # The limit of 131,072 characters a field is one setting for the whole process: lift it, put it back.
    limit = csv.field_size_limit(2**31 - 1)
    try:
        while ahead:
            skipped = line - 1
            reader = csv.reader(
                map(lines.__getitem__, range(skipped, len(lines))), delimiter=delimiter, strict=True
            )
            ahead = False
            try:
                for record in reader:
                    if record:  # a blank line is no row
                        yield line, record
                    line = skipped + reader.line_num + 1
            except csv.Error as error:
                words = (
                    f"{where}: the row that begins in line {line} cannot be read ({error}). A text that "
                    "begins with a quote must end with one, and a quote inside it is written twice: "
                    '"say ""hello""".'
                )
                brief = f"its quotes do not fit ({error})"
                tell(Fault("unreadable", words, (line,), brief, lines[line - 1].rstrip("\r\n")))
                line, ahead = line + 1, True
    finally:
        csv.field_size_limit(limit)


def _jsonl(content: bytes, where: str, tell: Tell) -> Table:
    # Split at line feeds alone: other separators (U+2028) may stand inside a JSON string.
    lines = textfile.decode(content, where, tell=tell).split("\n")
    records: list[dict[str, object]] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            words = f"{where}: line {number} is not JSON ({error}). Write one object a line."
            tell(Fault("unreadable", words, (number,), "is not JSON", line))
            continue
        if not isinstance(record, dict):
            words = (
                f"{where}: expected one JSON object a line, came {type(record).__name__} at line {number}. "
                'Write {"text": ..., "label": ...}.'
            )
            tell(Fault("unreadable", words, (number,), "is no JSON object", line))
            continue
        records.append(record)
        numbers.append(number)
    return _of_records(records, where, numbers, "line")


def json_list(content: bytes, where: str) -> Table:
    """Read a JSON list of objects, each a row; raises DataError for anything else."""
    try:
        records = json.loads(textfile.decode(content, where))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where}: expected JSON, came something that is not ({error}).") from error
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        came = type(records).__name__ if not isinstance(records, list) else "a list of other things"
        raise DataError(
            f"{where}: expected a list of objects with words and tags, came {came}. Write "
            '[{"tokens": [...], "tags": [...]}, ...], or one object a line in a file .jsonl.'
        )
    return _of_records(records, where, range(1, len(records) + 1), "row")


def _of_records(
    records: Sequence[Mapping[str, object]], where: str, numbers: Sequence[int], unit: str
) -> Table:
    """The columns are all keys that occur; what a record does not have is None."""
    columns = tuple(dict.fromkeys(name for record in records for name in record))
    return Table(
        where, columns, [[record.get(name) for name in columns] for record in records], numbers, unit
    )


def _parquet(content: bytes, where: str, tell: Tell) -> Table:
    try:
        import polars
    except ImportError as error:
        raise MissingExtra(
            f"{where}: reading Parquet needs polars. Install it with: pip install 'hiddenstate[train]'"
        ) from error
    try:
        frame = polars.read_parquet(io.BytesIO(content))
        named = frame.select(polars.col(polars.Categorical, polars.Enum).cast(polars.String))
        rows = frame.with_columns(named.get_columns()).rows()
    except polars.exceptions.PolarsError as error:
        raise DataError(f"{where}: expected a Parquet file, came something else ({error}).") from error
    return Table(where, tuple(frame.columns), rows, range(1, len(rows) + 1), "row")


PARSERS: dict[str, Callable[[bytes, str, Tell], Table]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".parquet": _parquet,
}
