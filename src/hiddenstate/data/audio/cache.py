"""Features kept on disk, so that they are computed once for all epochs and runs.

An entry is known by the settings of the features and the SHA-256 of the recording's bytes: a file that is
copied, moved or touched has its features still, and one that was changed never gets those of before.
(Hashing takes about a tenth of the time that the features take.) An entry carries its own SHA-256: what is
damaged is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hiddenstate.data import store
from hiddenstate.data.audio.augment import faster
from hiddenstate.data.audio.features import Features
from hiddenstate.data.spoken import Joined, Recording, Spoken
from hiddenstate.errors import DataError, InvalidArgument

LIMIT = 4 * 2**30  # bytes
KEPT = 0.8  # of the limit, once it is reached
STALE = 3600  # seconds after which a half-written entry is removed
SUFFIX = ".features"


@dataclass(frozen=True, eq=False)
class Gathered:
    """Recordings that could be read, and their features [T, F] before normalisation, in the same order.

    changed: of each, those at the other speeds that were asked for; notes: what is doubtful about some;
    faults: what could not be used, a sentence each.
    """

    recordings: tuple[Spoken, ...]
    plain: tuple[np.ndarray, ...]
    changed: tuple[tuple[np.ndarray, ...], ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass
class FeatureCache:
    """Features in a folder of at most `limit` bytes, those unused for longest given up first.

    notes: what a person should know: entries that were damaged, a folder that cannot be written.

    Raises InvalidArgument for a limit below 0.
    """

    folder: Path = field(default_factory=lambda: store.cache_folder() / "features")
    limit: int = LIMIT
    notes: list[str] = field(default_factory=list)
    _hashes: dict[tuple[Path, int, int], str] = field(default_factory=dict, repr=False)
    _size: int = field(default=-1, repr=False)  # not known yet

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise InvalidArgument(f"limit: expected 0 or more bytes, came {self.limit}.")

    def plain(
        self, recording: Spoken, features: Features, speed: float = 1.0
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the plain features [T, F] of a recording, and notes on it, from here or made now.

        What lies in no file is not kept.
        Raises DataError as `audio.reading.load` does.
        """
        if not isinstance(recording, Recording | Joined):
            return computed(recording, features, speed)
        path = self.folder / f"{self._key(recording, features, speed)}{SUFFIX}"
        found = self._read(path, features.width)
        if found is None:
            found = computed(recording, features, speed)
            self._write(path, *found)
        return found

    def _key(self, recording: Spoken, features: Features, speed: float) -> str:
        parts = (recording,) if isinstance(recording, Recording) else recording.parts
        said = [features.key, repr(speed)]
        said += [repr((self._hash(part.path), part.start, part.end)) for part in parts]
        if not isinstance(recording, Recording):
            said.append(repr((recording.pauses, recording.seed)))
        return hashlib.sha256("\n".join(said).encode()).hexdigest()

    def _hash(self, path: Path) -> str:
        try:
            about = path.stat()
            known = (path, about.st_size, about.st_mtime_ns)
            if known not in self._hashes:
                with path.open("rb") as stream:
                    self._hashes[known] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path}: could not be read ({error.strerror}). Was it moved?") from error
        return self._hashes[known]

    def _read(self, path: Path, width: int) -> tuple[np.ndarray, tuple[str, ...]] | None:
        """Return an entry, or None where there is none that is whole."""
        try:
            content = path.read_bytes()
        except OSError:
            return None
        found = _decoded(content, width)
        if found is None:
            self.notes.append(f"{path}: this entry of the cache is damaged and is made again.")
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now
        return found

    def _write(self, path: Path, plain: np.ndarray, notes: tuple[str, ...]) -> None:
        """Keep an entry whole, or not; where the folder cannot be written, say so once and do without."""
        content = _encoded(plain, notes)
        if len(content) > self.limit:
            return
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._size < 0:
                self._size = self._swept()
            if self._size + len(content) > self.limit:
                self._size = self._swept(int(KEPT * self.limit) - len(content))
            partial.write_bytes(content)
            os.replace(partial, path)
            self._size += len(content)
        except OSError as error:
            said = f"{self.folder}: features cannot be kept here ({error.strerror}) and are made every time."
            if said not in self.notes:
                self.notes.append(said)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def _swept(self, size: int | None = None) -> int:
        """Remove what is half written and, down to a size, what was unused for longest; return the size."""
        entries = []
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                about = path.stat()
                if path.suffix == SUFFIX:
                    entries.append((about.st_mtime_ns, about.st_size, path))
                elif path.suffix == ".partial" and time.time() - about.st_mtime > STALE:
                    path.unlink()
        total = sum(entry[1] for entry in entries)
        for _, each, path in sorted(entries):
            if size is None or total <= max(size, 0):
                break
            path.unlink(missing_ok=True)
            total -= each
        return total


def gathered(
    recordings: Sequence[Spoken],
    features: Features,
    cache: FeatureCache | None = None,
    *,
    speeds: Sequence[float] = (),
    told: Callable[[int], None] | None = None,
) -> Gathered:
    """Read recordings and compute their plain features, and those at other speeds; `told` is called with the
    count done after each.

    Nothing is raised for those that cannot be used: `refuse` does, once all are known.
    """
    kept: list[tuple[Spoken, np.ndarray, tuple[np.ndarray, ...]]] = []
    notes: list[str] = []
    faults: list[str] = []
    before = len(cache.notes) if cache is not None else 0
    for count, recording in enumerate(recordings, 1):
        on_disk = isinstance(recording, Recording | Joined)
        hear = cache.plain if cache is not None and on_disk else computed
        try:
            made, said = hear(recording, features)
            changed = tuple(made if speed == 1 else hear(recording, features, speed)[0] for speed in speeds)
            if not all(map(len, (made, *changed))):
                raise DataError(f"{recording.name}: shorter than one window of {features.window:g} s.")
        except DataError as error:
            faults.append(str(error))
        else:
            kept.append((recording, made, changed))
            notes += said
        if told is not None:
            told(count)
    notes += cache.notes[before:] if cache is not None else []
    spoken, plain, others = zip(*kept, strict=True) if kept else ((), (), ())
    return Gathered(spoken, plain, others, tuple(notes), tuple(faults))


def refuse(faults: Sequence[str], of: int, skip_bad: bool) -> tuple[str, ...]:
    """Raise DataError that lists all faults of so many recordings; with skip_bad, return them as notes, the
    first with their count. What is wrong with a part of several is listed once.

    It raises all the same where no recording is left.
    """
    none_left = len(faults) == of
    faults = [*dict.fromkeys(faults)]
    if faults and (not skip_bad or none_left):
        cure = "" if none_left else "\nCorrect them, or go on with the others: skip_bad=True (--skip-bad)."
        listed = "\n  ".join(faults)
        raise DataError(f"{len(faults)} of {of} recordings cannot be used:\n  {listed}{cure}")
    return (f"Left out {len(faults)} of {of} recordings:", *faults) if faults else ()


def computed(recording: Spoken, features: Features, speed: float = 1.0) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a recording and compute its plain features [T, F]; return them and notes on the recording."""
    samples, notes = recording.heard(features.rate)
    return features.plain(samples if speed == 1 else faster(samples, speed)), notes


def _encoded(plain: np.ndarray, notes: tuple[str, ...]) -> bytes:
    """SHA-256 of the rest, the length of the notes, the notes as JSON, the array as .npy."""
    stream = io.BytesIO()
    np.save(stream, plain, allow_pickle=False)
    said = json.dumps(notes).encode()
    content = len(said).to_bytes(4, "little") + said + stream.getvalue()
    return hashlib.sha256(content).digest() + content


def _decoded(content: bytes, width: int) -> tuple[np.ndarray, tuple[str, ...]] | None:
    if len(content) < 36 or hashlib.sha256(memoryview(content)[32:]).digest() != content[:32]:
        return None
    end = 36 + int.from_bytes(content[32:36], "little")
    plain = np.load(io.BytesIO(content[end:]), allow_pickle=False)
    return (plain, tuple(json.loads(content[36:end]))) if plain.shape[1:] == (width,) else None
