"""Recordings with transcripts, by the name of a corpus or the path of a list of any form that others
write."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hiddenstate.data import manifests, store
from hiddenstate.data.audio.noticing import SHORTEST
from hiddenstate.data.audio.reading import SUFFIXES, Description, described
from hiddenstate.data.corpus import SPLITS
from hiddenstate.data.headed import headed, is_headed, names_audio
from hiddenstate.data.manifests import Entry, Listed
from hiddenstate.data.rows import SPLIT_NAMES
from hiddenstate.data.sources import an4, fsdd, yesno
from hiddenstate.data.spoken import Recording, SpokenCorpus, said
from hiddenstate.errors import DataError, InvalidArgument, nearest

NAMED: Mapping[str, Callable[[], SpokenCorpus]] = {
    "an4": an4.read,
    "fsdd": fsdd.read,
    "fsdd_connected": fsdd.connected,
    "yesno": yesno.read,
}
LEAVING_OUT: Mapping[str, Callable[[str], SpokenCorpus]] = {
    "fsdd": fsdd.read,
    "fsdd_connected": fsdd.connected,
}
TABLES = (".csv", ".tsv")
LINES = (".jsonl", ".json", ".manifest")
FASTEST = 30  # letters a second; speech has 10 to 20
DIFFERS = 0.05  # share by which a duration may differ from the file's


def read_recordings(name_or_path: str | Path, *, skip_bad: bool = False) -> SpokenCorpus:
    """Read who says what: a corpus of `NAMED`, or a list of your own recordings.

    A list is LJSpeech's metadata.csv with wavs/ beside it; a CSV or TSV with columns of paths and
    transcripts; a folder of Kaldi's (wav.scp, text), or folders
    of it called after splits; a manifest with a JSON object a line, or a folder of them called after splits;
    or a folder with name.txt beside name.wav. "fsdd:theo" is fsdd with all of theo's recordings as its test.
    Other names are those of folders in $HIDDENSTATE_DATA. The header of every recording is read, its samples
    are not.

    Raises InvalidArgument for what is none of these; DataError that lists every recording which cannot be
    used: with skip_bad the others are read, and the corpus says in `left_out` what is wrong with which.
    """
    name = str(name_or_path)
    if name in NAMED:
        return NAMED[name]()
    corpus, _, left_out = name.partition(":")
    if left_out and corpus in LEAVING_OUT:
        return LEAVING_OUT[corpus](left_out)
    path = _path(name_or_path)
    return _corpus(path, _listed(path), skip_bad)


def are_at(name_or_path: str | Path) -> bool:
    """Say whether a name or a path is one of recordings, as far as its form tells; nothing is checked."""
    name, path = str(name_or_path), _path(name_or_path)
    if name in NAMED or name.partition(":")[0] in LEAVING_OUT or path.name == "wav.scp":
        return True
    if path.is_dir():
        places = ("wav.scp", "wavs", "*/wav.scp", *(f"*{suffix}" for suffix in SUFFIXES))
        if any(next(path.glob(place), None) is not None for place in places):
            return True
        lists = sorted(each for each in path.iterdir() if each.suffix.lower() in LINES)
        return bool(lists) and _names_audio(lists[0])
    if path.suffix.lower() in TABLES and path.is_file() and names_audio(path):
        return True
    if path.suffix.lower() == ".csv":
        return (path.parent / "wavs").is_dir()
    return path.is_file() and path.suffix.lower() in LINES and _names_audio(path)


def _names_audio(file: Path) -> bool:
    with file.open("rb") as stream:
        return b'"audio_filepath"' in stream.read(4096)


def _path(name_or_path: str | Path) -> Path:
    """A path as it is, or that of a folder of this name in $HIDDENSTATE_DATA."""
    path, own = Path(name_or_path).expanduser(), store.own_folder()
    if not path.exists() and len(path.parts) == 1 and own is not None and (own / path).exists():
        return own / path
    return path


def _listed(path: Path) -> Listed:
    """Find out which form a list has, and read it."""
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise InvalidArgument(
            f"there are no recordings called {str(path)!r}: no such file, folder or corpus; "
            f"{nearest(str(path), NAMED)}"
        )
    if path.name == "wav.scp":
        return manifests.kaldi(path.parent)
    if path.suffix.lower() in LINES:
        return manifests.manifest(path)
    if path.suffix.lower() in TABLES:
        return _table(path)
    raise InvalidArgument(
        f"{path}: expected metadata.csv (id|text), a table with columns (.csv, .tsv), a manifest "
        f"({', '.join(LINES)}), wav.scp, or a folder; came {path.suffix or 'a file without a suffix'}."
    )


def _table(path: Path) -> Listed:
    """LJSpeech's table, or one whose first line names the columns."""
    return headed(path) if path.suffix.lower() == ".tsv" or is_headed(path) else manifests.table(path)


def _folder(path: Path) -> Listed:
    if (path / "wav.scp").is_file():
        return manifests.kaldi(path)
    if (path / "metadata.csv").is_file():
        return _table(path / "metadata.csv")
    inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    scripts = [each for each in inside if (each / "wav.scp").is_file()]
    if scripts:
        return _together(path, {each: manifests.kaldi(each) for each in scripts})
    lists = [each for each in inside if each.suffix.lower() in LINES and each.is_file()]
    if len(lists) == 1:
        return manifests.manifest(lists[0])
    if lists:
        return _together(path, {each: manifests.manifest(each) for each in lists})
    listed = manifests.beside(path)
    if not listed.entries and not listed.faults:
        found = ", ".join(each.name for each in inside[:5]) or "nothing"
        raise DataError(
            f"{path}: expected metadata.csv, wav.scp with text, a manifest (.jsonl), or name.txt beside "
            f"name.wav; came {found}."
        )
    return listed


def _together(path: Path, lists: Mapping[Path, Listed]) -> Listed:
    """Put lists together that are called after splits."""
    together = Listed()
    for each, listed in lists.items():
        split = SPLIT_NAMES.get(each.stem.lower())
        if split is None:
            raise DataError(
                f"{path}: expected lists called train, validation (or dev) and test, came {each.name}. Give "
                "the path of one, or rename it."
            )
        together.entries += [replace(entry, split=split) for entry in listed.entries]
        together.faults += listed.faults
        together.notes += listed.notes
        together.contents += listed.contents
    return together


def _corpus(path: Path, listed: Listed, skip_bad: bool) -> SpokenCorpus:
    """Look at the header of every recording; raise, or leave out, what cannot be used."""
    faults, headers = list(listed.faults), dict[Path, Description | DataError]()
    splits: dict[str, list[Recording]] = {}
    digest, seen = hashlib.sha256(b"".join(listed.contents)), set[tuple[str, str]]()
    for entry in listed.entries:
        try:
            if (entry.split, entry.name) in seen:
                raise DataError(f"a second recording called {entry.name}")
            recording = _recording(entry, headers)
        except DataError as error:
            named = str(error).startswith(f"{entry.path}:") and str(entry.path).endswith(entry.place)
            faults.append(str(error) if named else f"{entry.place}: {error}")
            continue
        seen.add((entry.split, entry.name))
        digest.update(f"{entry.name} {recording.seconds}".encode())
        splits.setdefault(entry.split, []).append(recording)
    count = sum(map(len, splits.values()))
    if faults and (not skip_bad or not count):
        raise DataError(
            f"{path}: {len(faults)} of {count + len(faults)} recordings cannot be used:\n  "
            + "\n  ".join(faults)
            + ("\nCorrect them, or go on with the others: skip_bad=True (--skip-bad)." if count else "")
        )
    notes = [*listed.notes]
    notes += _doubts([recording for recordings in splits.values() for recording in recordings])
    return SpokenCorpus(
        path.stem if path.is_file() else path.name,
        {name: tuple(splits[name]) for name in SPLITS if name in splits},
        digest.hexdigest(),
        tuple(notes),
        tuple(faults),
    )


def _doubts(recordings: Sequence[Recording]) -> list[str]:
    """Say what speaks of a wrong rate in headers, or of other transcripts: rates, too many letters."""
    doubts = []
    rates = Counter(recording.rate for recording in recordings).most_common()
    if len(rates) > 1:
        listed = ", ".join(f"{count:,} at {rate} Hz" for rate, count in rates)
        doubts.append(f"Recorded at several rates: {listed}. Where headers are right, that does no harm.")
    letters = {each.name: len(each.text.replace(" ", "")) / each.seconds for each in recordings}
    fast = sorted((name for name, each in letters.items() if each > FASTEST), key=lambda name: -letters[name])
    if fast:
        listed = ", ".join(f"{name} ({letters[name]:.0f})" for name in fast[:5])
        more = f" and {len(fast) - 5} more" if len(fast) > 5 else ""
        doubts.append(
            f"Over {FASTEST} letters a second, which nobody says: {listed}{more}. Is the recording cut "
            "short, its rate wrong, or the transcript another's?"
        )
    return doubts


def _recording(entry: Entry, headers: dict[Path, Description | DataError]) -> Recording:
    """Hold what a list says against the header of the file; raises DataError where they do not fit."""
    if entry.path.is_dir():
        raise DataError(f"expected a recording, came a folder: {entry.path}")
    if not entry.path.is_file():
        raise DataError(f"no such file: {entry.path}")
    text = said(entry.text)
    if entry.path not in headers:
        try:
            headers[entry.path] = described(entry.path)
        except DataError as error:
            headers[entry.path] = error
    told = headers[entry.path]
    if isinstance(told, DataError):
        raise told
    end = told.seconds if entry.end is None else entry.end
    if end > told.seconds * (1 + DIFFERS) + 0.1 or min(end, told.seconds) - entry.start < SHORTEST:
        raise DataError(
            f"{entry.path.name}: a piece from {entry.start:g} to {end:g} s, the file has {told.seconds:.2f} "
            f"s at {told.rate} Hz"
        )
    if entry.end is None and entry.seconds is not None:
        _check_seconds(entry, told, entry.seconds)
    seconds = min(end, told.seconds) - entry.start
    end_given = None if entry.end is None else min(entry.end, told.seconds)
    return Recording(entry.name, entry.path, text, seconds, entry.speaker, entry.start, end_given, told.rate)


def _check_seconds(entry: Entry, told: Description, said: float) -> None:
    """Refuse a duration that is not the file's: one of the two counts with the wrong rate."""
    left = told.seconds - entry.start
    if abs(said - left) > DIFFERS * max(said, left) + 0.1:
        raise DataError(
            f"{entry.path.name}: should have {said:g} s and has {left:.2f} s at {told.rate} Hz. Is the rate "
            f"in its header wrong ({told.rate * left / max(said, 1e-9):.0f} Hz would fit)? If a piece is "
            "meant, give its offset too"
        )
