"""Lists of recordings and what is said in them, in the forms that others write: what each line says, nothing
checked.

LJSpeech's table, Kaldi's folder, a JSON object a line, and a text beside each recording. A line that cannot
be read becomes a fault, and the others are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hiddenstate.data import textfile
from hiddenstate.data.audio.reading import SUFFIXES
from hiddenstate.data.rows import SPLIT_NAMES
from hiddenstate.errors import DataError, nearest

HEADINGS = ("id", "file", "file_id", "file_name", "filename", "name", "wav", "path", "audio")
KEYS = ("audio_filepath", "text", "duration", "offset", "speaker", "split")
NO_TRANSCRIPTS = ("readme", "license", "licence", "changelog", "notes", "copying")


@dataclass(frozen=True)
class Entry:
    """What a list says of one recording; place: where it says so; seconds: how long it says that it is."""

    place: str
    name: str
    path: Path
    text: str
    speaker: str | None = None
    split: str = "train"
    start: float = 0.0
    end: float | None = None
    seconds: float | None = None


@dataclass
class Listed:
    """What a list holds: entries, sentences on lines that cannot be used, notes, and the bytes that were
    read."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)

    def lines(self, file: Path) -> list[tuple[int, str]]:
        """Read the lines of a list that are not blank, with their numbers."""
        content = textfile.load(file)
        self.contents.append(content)
        lines = textfile.decode(content, str(file)).splitlines()
        return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def table(file: Path) -> Listed:
    """Read LJSpeech's table: id|text or id|text|normalised text a line, the recordings in wavs/ beside it.

    The last column is what is said. Nothing is quoted. A first line that names columns is left out.
    """
    listed = Listed()
    folder = file.parent / "wavs" if (file.parent / "wavs").is_dir() else file.parent
    for number, line in listed.lines(file):
        cells = [cell.strip() for cell in line.split("|")]
        place = f"{file.name}, line {number}"
        if number == 1 and cells[0].lower() in HEADINGS:
            listed.notes.append(f"The first line of {file.name} names columns and was left out.")
        elif len(cells) not in (2, 3) or not cells[0]:
            listed.faults.append(
                f"{place}: expected id|text or id|text|normalised text, came {len(cells)} columns: "
                f"{line[:60]!r}"
            )
        else:
            text = next((cell for cell in reversed(cells[1:]) if cell), "")
            listed.entries.append(Entry(place, cells[0], _called(folder, cells[0]), text))
    return listed


def _called(folder: Path, name: str) -> Path:
    """Where a recording of this name lies; one without a suffix of audio: with the first that is there."""
    if Path(name).suffix.lower() in SUFFIXES:
        return folder / name
    there = (folder / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((path for path in there if path.is_file()), folder / f"{name}.wav")


def manifest(file: Path) -> Listed:
    """Read a JSON object a line: audio_filepath and text, and perhaps duration, offset, speaker and split.

    Relative paths are those beside the file. With an offset, or a duration that is not the file's, a piece
    is meant.
    """
    listed, unused = Listed(), set()
    for number, line in listed.lines(file):
        place = f"{file.name}, line {number}"
        try:
            said = json.loads(line)
            entry = entry_of(said, place, file.parent)
        except (ValueError, RecursionError) as error:
            listed.faults.append(f"{place}: {_brief(error)}")
            continue
        unused |= set(said) - set(KEYS)
        listed.entries.append(entry)
    if unused:
        listed.notes.append(f"Not used of {file.name}: {', '.join(sorted(unused)[:8])}.")
    return listed


def entry_of(said: object, place: str, folder: Path) -> Entry:
    """Read one line of a manifest; raises DataError, a ValueError, for what it should not hold."""
    if not isinstance(said, Mapping):
        raise DataError(f"expected an object with audio_filepath and text, came {type(said).__name__}")
    for key in ("audio_filepath", "text"):
        if not isinstance(said.get(key), str):
            if key in said:
                raise DataError(f"expected {key!r} with a string, came {said[key]!r}")
            came = ", ".join(map(str, said)) or "none"
            raise DataError(f"expected the keys audio_filepath and text, {key} is missing; came {came[:200]}")
    for key in ("duration", "offset"):
        value = said.get(key)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and value >= 0):
            raise DataError(f"expected {key!r} with seconds, came {value!r}")
    split = str(said.get("split") or "train").lower()
    if split not in SPLIT_NAMES:
        raise DataError(f"unknown split {split!r}; {nearest(split, SPLIT_NAMES)}")
    path = folder / Path(said["audio_filepath"]).expanduser()
    start, seconds = float(said.get("offset") or 0.0), said.get("duration")
    end = start + seconds if seconds is not None and said.get("offset") is not None else None
    speaker = None if said.get("speaker") is None else str(said["speaker"])
    name = path.stem if not start else f"{path.stem}@{start:g}"
    return Entry(place, name, path, said["text"], speaker, SPLIT_NAMES[split], start, end, seconds)


def _brief(error: Exception) -> str:
    return str(error) if isinstance(error, DataError) else f"no JSON ({error})"


def kaldi(folder: Path, split: str = "train") -> Listed:
    """Read Kaldi's folder: wav.scp, text, and where they are utt2spk and segments.

    A line of wav.scp that names a command (`... |`) or a place in an archive is a fault: no command is ever
    run. Relative paths are those beside wav.scp.
    """
    listed = Listed()
    where = folder.name
    files: dict[str, Path] = {}
    for name, value in _pairs(listed, folder / "wav.scp", where):
        if value.endswith("|") or value.startswith("|"):
            listed.faults.append(
                f"{where}/wav.scp, {name}: a command ({value[:50]!r}), which is never run. Write its output "
                "to a file."
            )
        elif value == "-" or value.rpartition(":")[2].isdigit():
            listed.faults.append(
                f"{where}/wav.scp, {name}: {value[:50]!r} is no file of its own. Write it to one."
            )
        else:
            files[name] = folder / Path(value).expanduser()
    said = dict(_pairs(listed, folder / "text", where))
    has_speakers = (folder / "utt2spk").is_file()
    speakers = dict(_pairs(listed, folder / "utt2spk", where)) if has_speakers else {}
    pieces: dict[str, tuple[str, float, float | None]] = {name: (name, 0.0, None) for name in files}
    if (folder / "segments").is_file():
        pieces = _segments(listed, folder, files)
    for name in sorted(said.keys() - pieces.keys()):
        listed.faults.append(f"{where}/text, {name}: has a transcript and no recording that can be read.")
    for name, (file, start, end) in pieces.items():
        if name not in said:
            listed.faults.append(f"{where}/text: no transcript of {name}.")
        elif has_speakers and name not in speakers:
            listed.faults.append(f"{where}/utt2spk: no speaker of {name}.")
        else:
            place = f"{where}, {name}"
            listed.entries.append(
                Entry(place, name, files[file], said[name], speakers.get(name), split, start, end)
            )
    return listed


def _pairs(listed: Listed, file: Path, where: str) -> Sequence[tuple[str, str]]:
    """Read lines of a name and the rest; a name that comes again is a fault."""
    found: dict[str, str] = {}
    for number, line in listed.lines(file):
        name, _, value = line.strip().partition(" ") if "\t" not in line else line.strip().partition("\t")
        if name in found:
            listed.faults.append(f"{where}/{file.name}, line {number}: {name} comes a second time.")
        else:
            found[name] = value.strip()
    return list(found.items())


def _segments(
    listed: Listed, folder: Path, files: Mapping[str, Path]
) -> dict[str, tuple[str, float, float | None]]:
    """Read which pieces of which recordings the utterances are: name, recording, start, end (-1: the end)."""
    pieces: dict[str, tuple[str, float, float | None]] = {}
    for name, value in _pairs(listed, folder / "segments", folder.name):
        parts = value.split()
        try:
            file, start, end = parts[0], float(parts[1]), float(parts[2])
        except (IndexError, ValueError):
            listed.faults.append(
                f"{folder.name}/segments, {name}: expected RECORDING START END, came {value[:50]!r}"
            )
            continue
        if file not in files:
            listed.faults.append(
                f"{folder.name}/segments, {name}: no recording {file} in wav.scp that can be read."
            )
        elif not 0 <= start < float("inf") or (end != -1 and not start < end < float("inf")):
            listed.faults.append(f"{folder.name}/segments, {name}: from {start:g} to {end:g} s is no piece.")
        else:
            pieces[name] = (file, start, None if end == -1 else end)
    return pieces


def beside(folder: Path) -> Listed:
    """Read recordings with a text of the same name beside each, in a folder and those below it.

    Where folders below it are called after splits, their recordings belong to them.
    """
    listed = Listed()
    texts = {path for path in folder.rglob("*.txt") if path.stem.lower() not in NO_TRANSCRIPTS}
    sounds = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    seen: set[Path] = set()
    for path in sounds:
        inside = path.relative_to(folder)
        text = path.with_suffix(".txt")
        if text not in texts:
            listed.faults.append(f"{inside}: no text beside it (expected {text.name}).")
            continue
        if text in seen:
            listed.faults.append(
                f"{inside}: two recordings are called {path.stem}, with one text beside them."
            )
            continue
        seen.add(text)
        content = text.read_bytes()
        listed.contents.append(content)
        split = SPLIT_NAMES.get(inside.parts[0].lower(), "train") if len(inside.parts) > 1 else "train"
        name = inside.with_suffix("").as_posix()
        try:
            said = textfile.decode(content, str(text)) if content else ""
        except DataError as error:
            listed.faults.append(str(error))
            continue
        listed.entries.append(Entry(str(inside), name, path, said, split=split))
    for text in sorted(texts - seen - {path.with_suffix(".txt") for path in sounds}):
        listed.faults.append(f"{text.relative_to(folder)}: no recording beside it.")
    return listed
