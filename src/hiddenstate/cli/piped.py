"""WHAT COMES THROUGH THE PIPE? Samples of stdin while they arrive, and what is wrong with them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import typer

from hiddenstate.data.audio import riff
from hiddenstate.data.audio.reading import SHORTEST, Noticed
from hiddenstate.errors import DataError, Unsupported

CHUNK = 0.1  # seconds that are heard at once
EXTENDED = 0xFFFE  # a WAV header that names its format further behind
STDIN = Path("stdin")  # as it is called where a file would be named
OTHERS = {  # how files begin that are no samples as they are
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b".snd": "AU",
    b"FORM": "AIFF",
    b"caff": "CAF",
    b"NIST_1A": "SPHERE",
}


def samples(pipe: BinaryIO, rate: int) -> Iterator[np.ndarray]:
    """Give the samples of a pipe, some at a time, between -1 and 1: of a WAV file, or 16 bits each.

    What is doubtful is said on stderr in the end. Raises Unsupported for other formats; DataError for a pipe
    that brings nothing, a text, less than 25 ms or the same value throughout, and for a WAV file cut short.
    """
    left = pipe.read(12)
    announced = None
    if left[:4] == b"RIFF" and left[8:] == b"WAVE":
        announced, left = _announced(pipe, rate), b""
    else:
        left += pipe.read(2 * int(CHUNK * rate))
        _refuse_others(left, rate)
    noticed, came, half = Noticed(STDIN, rate), 0, b""
    while piece := left or _read(pipe, rate, announced, came):
        came, left, piece = came + len(piece), b"", half + piece
        whole = len(piece) // 2 * 2
        half = piece[whole:]  # of a sample; a recorder that is ended may leave one
        if whole:
            yield noticed.mixed(np.frombuffer(piece[:whole], "<i2").astype(np.float32)[:, None] / 2**15)
    if announced is not None and came < announced:
        raise DataError(
            f"the WAV file on stdin announces {announced:,} bytes of samples, {came:,} came: it is cut short"
        )
    _check_end(noticed, rate)


def _read(pipe: BinaryIO, rate: int, announced: int | None, came: int) -> bytes:
    """The next bytes; of a WAV file no more than its header says, since a list of names may follow."""
    most = 2 * int(CHUNK * rate)
    return pipe.read(most if announced is None else min(most, announced - came))


def _check_end(noticed: Noticed, rate: int) -> None:
    if noticed.samples < SHORTEST * rate:
        raise DataError(
            f"stdin: expected at least {SHORTEST:g} seconds of sound, came {noticed.samples} "
            f"sample{'s' * (noticed.samples != 1)}. Does the program before the pipe record?"
        )
    for note in noticed.notes():
        typer.echo(f"hiddenstate: {note}", err=True)


def _refuse_others(begin: bytes, rate: int) -> None:
    """Raise for what is no samples: other formats by how they begin, and text."""
    for sign, name in OTHERS.items():
        if begin.startswith(sign):
            raise Unsupported(
                f"a stream is heard as WAV or as 16-bit samples, {rate} a second; on stdin comes {name}. "
                f"Convert it on the way: ffmpeg -i FILE -f s16le -ac 1 -ar {rate} - | ..., or give the file "
                "without --stream"
            )
    try:
        text = begin.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(begin) - 3:  # not a letter that is cut in its middle
            return
        text = begin[: error.start].decode("utf-8")
    if text and all(sign.isprintable() or sign.isspace() for sign in text):
        raise DataError(f"stdin: expected sound, came a text ({text[:30]!r}). Pipe in what a recorder gives")


def _announced(pipe: BinaryIO, rate: int) -> int | None:
    """Read the header of a WAV file up to its samples: their bytes, None where it does not know how many.

    Raises where they cannot be heard as they are.
    """
    while True:
        name, size = struct.unpack("<4sI", pipe.read(8).ljust(8, b"\0"))
        if name == b"data":
            return size if 0 < size < riff.STREAMED else None
        if name == b"\0\0\0\0":
            raise DataError("the WAV file on stdin has no samples")
        content = pipe.read(size + size % 2)
        if name == b"fmt ":
            riff.check_rate(STDIN, content[:16])
            kind, channels, found, _, _, bits = struct.unpack("<HHIIHH", content[:16].ljust(16, b"\0"))
            if kind == EXTENDED:
                kind = int.from_bytes(content[24:26], "little")
            if (kind, channels, found, bits) != (1, 1, rate, 16):
                raise Unsupported(
                    f"a stream is heard as 16-bit samples of one channel, {rate} a second; the WAV file on "
                    f"stdin has {bits} bits, {channels} channels, {found} a second. Convert it on the way, "
                    "with sox or ffmpeg, or give the file without --stream"
                )
