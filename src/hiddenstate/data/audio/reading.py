"""A file of any format, rate and number of channels -> samples at one rate, or what is wrong with it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.data.audio import riff
from hiddenstate.data.audio.noticing import BLOCK, SHORTEST, Noticed, check_long_enough
from hiddenstate.data.audio.resampling import HIGHEST, LOWEST, Resampler
from hiddenstate.data.textfile import check_is_there
from hiddenstate.errors import DataError, InvalidArgument, require

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph", ".w64", ".caf")
HEADERLESS = (".raw", ".pcm")
LONGEST = 7200.0  # seconds of one recording that is held as a whole
UNTELLING = (
    "File does not exist",
    "Format not recognised",
)  # libsndfile of a file that is there, and no audio
MISSING = 0.01  # share of what the header announces that may be missing, as it counts whole blocks


@dataclass(frozen=True)
class Description:
    """What a file says of itself: samples in each channel, their rate, channels, format ("WAV, PCM_16")."""

    samples: int
    rate: int
    channels: int
    format: str

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.rate


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording as read: samples [n] float32 at `rate`, what its file said, and sentences on its faults."""

    samples: np.ndarray
    rate: int
    file: Description
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


def read(path: str | Path, rate: int = 16000, *, start: float = 0.0, end: float | None = None) -> np.ndarray:
    """Read a recording, or its seconds start to end, as samples [n] float32 at a rate; channels are averaged.

    Raises DataError for what `load` refuses, MissingExtra where soundfile or soxr is not installed.
    """
    return load(path, rate, start=start, end=end).samples


def load(
    path: str | Path,
    rate: int = 16000,
    *,
    start: float = 0.0,
    end: float | None = None,
    longest: float = LONGEST,
) -> Sound:
    """Read a recording and say what is doubtful about it.

    Raises DataError for a file that is no audio, cut short, empty, shorter than 25 ms or longer than
    `longest` seconds, that holds NaN or infinity or the same value throughout, or whose header contradicts
    itself; InvalidArgument for a rate or a piece that cannot be.
    """
    path = Path(path).expanduser()
    _check_asked(rate, start, end)
    with _opened(path) as file:
        told = _described(file, path)
        begin, stop = _piece(told, start, end, path)
        _check_longest(path, (stop - begin) / told.rate, longest)
        file.seek(begin)
        heard, resampler = Noticed(path, told.rate), Resampler(told.rate, rate)
        parts = [resampler.feed(heard.mixed(block)) for block in _blocks(file, stop - begin)]
    _check_length(path, told, heard.samples, stop - begin)
    return Sound(np.concatenate([*parts, resampler.finish()]), rate, told, heard.notes())


def described(path: str | Path) -> Description:
    """Read what the header of a file says, and check it against the size of the file; no sample is read.

    Raises DataError as `load` does, for what can be known without the samples.
    """
    path = Path(path).expanduser()
    with _opened(path) as file:
        told = _described(file, path)
    _piece(told, 0.0, None, path)
    return told


def blocks(
    path: str | Path,
    rate: int = 16000,
    seconds: float = 1.0,
    *,
    longest: float = math.inf,
    tell: Callable[[str], None] | None = None,
) -> Iterator[np.ndarray]:
    """Read a recording bit by bit: samples [n] float32 at a rate, together those of `read`.

    What is doubtful about it is told in the end. Raises as `load` does, at the block that is wrong.
    """
    path = Path(path).expanduser()
    _check_asked(rate, 0.0, None)
    with _opened(path) as file:
        told = _described(file, path)
        _piece(told, 0.0, None, path)
        _check_longest(path, told.seconds, longest)
        heard, resampler = Noticed(path, told.rate), Resampler(told.rate, rate)
        size = max(1, round(seconds * told.rate))
        for block in _blocks(file, told.samples, size):
            yield resampler.feed(heard.mixed(block))
        yield resampler.finish()
    _check_length(path, told, heard.samples, told.samples)
    for note in heard.notes():
        if tell is not None:
            tell(note)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an audio file; whatever its library says of it becomes a DataError that names it."""
    if path.is_dir():
        raise DataError(f"{path}: expected a recording, came a folder. Name the recordings in it.")
    check_is_there(path)
    if path.stat().st_size == 0:
        raise DataError(f"{path}: expected audio, came an empty file. Record it again, or leave it out.")
    if path.suffix.lower() in HEADERLESS:
        raise DataError(
            f"{path}: expected audio with a header, came samples alone, whose rate nobody can know. Convert "
            "it: sox -r RATE -e signed -b 16 -c 1 FILE.raw FILE.wav"
        )
    require("soundfile", "reading recordings", extra="speech")
    import soundfile

    try:
        riff.check(path)
        with soundfile.SoundFile(str(path)) as file:
            yield file
    except soundfile.SoundFileError as error:
        said = str(error).rpartition(": ")[2].strip(" .")
        raise DataError(
            f"{path}: expected audio (wav, flac, ogg, mp3, aiff, au, sph, ...), came something else or a "
            f"damaged file{'' if said.startswith(UNTELLING) else f' ({said})'}. Convert other formats first: "
            "ffmpeg -i FILE FILE.wav"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: could not be read ({error.strerror}). Check its permissions.") from error


def _described(file: Any, path: Path) -> Description:
    if not LOWEST <= file.samplerate <= HIGHEST:
        raise DataError(
            f"{path}: expected a rate of {LOWEST} to {HIGHEST} samples a second, its header says "
            f"{file.samplerate}. Correct the header, or record it again."
        )
    return Description(file.frames, file.samplerate, file.channels, f"{file.format}, {file.subtype}")


def _check_asked(rate: int, start: float, end: float | None) -> None:
    if not LOWEST <= rate <= HIGHEST:
        raise InvalidArgument(f"rate: expected {LOWEST} to {HIGHEST} samples a second, came {rate}.")
    if not start >= 0 or (end is not None and not end > start):
        raise InvalidArgument(f"expected 0 <= start < end in seconds, came start {start} and end {end}.")


def _piece(told: Description, start: float, end: float | None, path: Path) -> tuple[int, int]:
    """Return the first sample of a piece and the one behind its last."""
    begin = round(start * told.rate)
    stop = told.samples if end is None else min(round(end * told.rate), told.samples)
    if end is not None and end > told.seconds * (1 + MISSING) + 0.1:
        raise DataError(
            f"{path}: expected a piece up to {end:g} s, the file ends at {told.seconds:.2f} s. Correct the "
            "times, or the rate in the header of the file."
        )
    if told.samples == 0:
        raise DataError(
            f"{path}: expected speech, came a file in which no sample can be read: it is empty, cut short or "
            "damaged. Copy or record it again."
        )
    check_long_enough(path, max(stop - begin, 0), told.rate)
    return begin, stop


def _blocks(file: Any, count: int, size: int = BLOCK) -> Iterator[np.ndarray]:
    """Give out blocks [n, channels] float32 until so many samples are read, or the file ends."""
    size = max(1, min(size, BLOCK // file.channels))
    while count > 0:
        block = file.read(min(size, count), dtype="float32", always_2d=True)
        if not len(block):
            return
        count -= len(block)
        yield block


def _check_longest(path: Path, seconds: float, longest: float) -> None:
    if seconds > longest:
        raise DataError(
            f"{path}: expected at most {longest:g} seconds, came {seconds:.0f}. Cut it at pauses, or give "
            "its pieces by start and end."
        )


def _check_length(path: Path, told: Description, came: int, promised: int) -> None:
    if came < promised * (1 - MISSING) - 0.1 * told.rate or came < SHORTEST * told.rate:
        raise DataError(
            f"{path}: its header announces {promised / told.rate:.2f} s, {came / told.rate:.2f} s can be "
            "read: it is cut short or damaged. Copy it again, or leave it out."
        )
