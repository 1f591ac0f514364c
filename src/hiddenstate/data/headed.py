"""Tables of recordings whose first line names the columns: CSV, and TSV as Common Voice has it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hiddenstate.data import textfile
from hiddenstate.data.audio.reading import SUFFIXES
from hiddenstate.data.manifests import KEYS, Listed, entry_of
from hiddenstate.errors import DataError

# other names of columns, as they stand in tables of others
ALSO = {
    "path": "audio_filepath",
    "file_name": "audio_filepath",
    "sentence": "text",
    "transcription": "text",
    "client_id": "speaker",
}
CLIPS = "clips"  # where Common Voice keeps the recordings of a table
SEEN = 8192  # bytes of a file that tell what it is


def is_headed(file: Path) -> bool:
    """Whether the first line names columns between commas or tabs, as far as its form tells."""
    first = _first(file)
    return "|" not in first and ("\t" in first or "," in first)


def names_audio(file: Path) -> bool:
    """Whether a table has a column of transcripts, and one whose first cell names a file of sound."""
    if not is_headed(file):
        return False
    with file.open("rb") as stream:
        lines = stream.read(SEEN).decode("utf-8-sig", errors="replace").splitlines()[:2]
    rows: list[list[str]] = list(_reader(lines, lines[0]))
    row = dict(zip(map(_known, rows[0]), rows[-1], strict=False))
    return "text" in row and row.get("audio_filepath", "").lower().endswith(SUFFIXES)


def headed(file: Path) -> Listed:
    """Read a table with the columns audio_filepath (or path) and text (or sentence), and perhaps duration,
    offset, speaker and split.

    Relative paths are those beside the file, or in `clips` beside it. Raises DataError where the first line
    does not name the two.
    """
    listed, content = Listed(), textfile.load(file)
    listed.contents.append(content)
    text = textfile.decode(content, str(file))
    reader = _reader(io.StringIO(text, newline=""), text.split("\n", 1)[0])
    names = [*map(_known, next(reader, []))]
    for name in ("audio_filepath", "text"):
        if names.count(name) != 1:
            raise DataError(
                f"{file}: expected one column of recordings (audio_filepath or path) and one of transcripts "
                f"(text or sentence), or lines of id|text; came the columns {', '.join(names[:8])}. Rename "
                "them in the first line."
            )
    for number, cells in _rows(reader, file):
        place = f"{file.name}, line {number}"
        if len(cells) != len(names):
            listed.faults.append(f"{place}: expected {len(names)} cells, came {len(cells)}")
            continue
        try:
            said = _values(dict(zip(names, cells, strict=True)), file.parent)
            listed.entries.append(entry_of(said, place, file.parent))
        except DataError as error:
            listed.faults.append(f"{place}: {error}")
    if unused := [name for name in names if name not in KEYS]:
        listed.notes.append(f"Not used of {file.name}: {', '.join(unused[:8])}.")
    return listed


def _first(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.readline(SEEN).decode("utf-8-sig", errors="replace")


def _reader(lines: Iterable[str], first: str) -> Any:
    """What takes rows apart; nothing is quoted between tabs."""
    if "\t" in first:
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(lines)


def _known(name: str) -> str:
    name = name.strip().lower()
    return ALSO.get(name, name)


def _rows(reader: Any, file: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the line on which each ends."""
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{file}: no table ({error}). Is a quote never closed?") from error


def _values(row: Mapping[str, str], folder: Path) -> dict[str, object]:
    """One row as a manifest would say it: seconds as numbers, nothing for cells that are empty."""
    said: dict[str, object] = {name: row[name] for name in KEYS if row.get(name) or name == "text"}
    for name in ("duration", "offset"):
        if name in said:
            try:
                said[name] = float(row[name])
            except ValueError as error:
                raise DataError(f"expected {name!r} with seconds, came {row[name]!r}") from error
    path = row["audio_filepath"]
    if path and not (folder / path).is_file() and (folder / CLIPS / path).is_file():
        said["audio_filepath"] = str(Path(CLIPS) / path)
    return said
