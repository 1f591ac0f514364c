"""WHAT COMES THROUGH THE PIPE? Samples of stdin while they arrive, and what is wrong with them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import BinaryIO, cast

import numpy as np

from hiddenstate.cli import screen
from hiddenstate.data.audio import riff
from hiddenstate.data.audio.noticing import SHORTEST, Noticed
from hiddenstate.errors import DataError, Unsupported
from hiddenstate.stopping import Stopping

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
    b"\x1aE\xdf\xa3": "Matroska or WebM",
}
BEGIN = 2048  # bytes that tell what comes: the longest frame of MPEG audio has 1,732
# of MPEG audio, by (version, layer) as a header writes them: version 3 is MPEG-1, layer 1 is MP3
KBITS = {
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


class _Waiting(Stopping):
    """Lets Ctrl-C end the wait for the pipe and nothing else, so that no samples are half heard; a second one
    ends anything."""

    waits = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        super()._ask(number, frame)
        if self.waits:
            raise KeyboardInterrupt

    def read(self, pipe: BinaryIO, most: int) -> bytes:
        """The next bytes, fewer where the pipe or Ctrl-C ends them; raises KeyboardInterrupt once none are
        left."""
        found = b""
        try:
            self.waits = True
            while not self.asked and len(found) < most:
                if not (piece := cast(io.BufferedReader, pipe).read1(most - len(found))):
                    return found
                found += piece
        except KeyboardInterrupt:
            if not found:
                raise
        finally:
            self.waits = False
        if self.asked and not found:
            raise KeyboardInterrupt
        return found


def samples(pipe: BinaryIO, rate: int) -> Iterator[np.ndarray]:
    """Give the samples of a pipe, some at a time, between -1 and 1: of a WAV file, or 16 bits each.

    What is doubtful is said on stderr in the end. Ctrl-C raises KeyboardInterrupt once what came before it is
    given out: that is how a microphone is ended. Raises Unsupported for other formats; DataError for a pipe
    that brings nothing, a text, less than 25 ms or the same value throughout, and for a WAV file cut short.
    """
    left = pipe.read(12)
    announced = None
    if left[:4] == b"RIFF" and left[8:] == b"WAVE":
        announced, left = _announced(pipe, rate), b""
    else:
        left += pipe.read(max(BEGIN, 2 * int(CHUNK * rate)))
        _refuse_others(left, rate)
    noticed, came, half = Noticed(STDIN, rate), 0, b""
    try:
        with _Waiting() as waiting:
            while piece := left or waiting.read(pipe, _most(rate, announced, came)):
                came, left, piece = came + len(piece), b"", half + piece
                whole = len(piece) // 2 * 2
                half = piece[whole:]  # of a sample; a recorder that is ended may leave one
                if whole:
                    yield noticed.mixed(
                        np.frombuffer(piece[:whole], "<i2").astype(np.float32)[:, None] / 2**15
                    )
    except KeyboardInterrupt:
        if noticed.samples >= SHORTEST * rate:
            _check_end(noticed, rate)
        raise
    if announced is not None and came < announced:
        raise DataError(
            f"the WAV file on stdin announces {announced:,} bytes of samples, {came:,} came: it is cut short"
        )
    _check_end(noticed, rate)


def _most(rate: int, announced: int | None, came: int) -> int:
    """Bytes to read next; of a WAV file no more than its header says, since a list of names may follow."""
    most = 2 * int(CHUNK * rate)
    return most if announced is None else min(most, announced - came)


def _check_end(noticed: Noticed, rate: int) -> None:
    if noticed.samples < SHORTEST * rate:
        raise DataError(
            f"stdin: expected at least {SHORTEST:g} seconds of sound, came {noticed.samples} "
            f"sample{'s' * (noticed.samples != 1)}. Does the program before the pipe record?"
        )
    for note in noticed.notes():
        screen.tell(note)


def _refuse_others(begin: bytes, rate: int) -> None:
    """Raise for what is no samples: other formats by how they begin, and text."""
    if name := _other(begin):
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


def _other(begin: bytes) -> str:
    """The name of a format that is no samples, "" where none shows."""
    if begin[4:8] == b"ftyp":
        return "MP4"
    length = _frame(begin)
    if length and _frame(begin[length:]) and begin[1] >> 1 == begin[length + 1] >> 1:
        return "MP3"  # two frames in a row: samples are not that by chance
    return next((name for sign, name in OTHERS.items() if begin.startswith(sign)), "")


def _frame(begin: bytes) -> int:
    """The bytes of the frame of MPEG audio that begins here, 0 where none does (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(begin) < 4 or begin[0] != 0xFF or begin[1] & 0xE0 != 0xE0:
        return 0
    version, layer = begin[1] >> 3 & 3, begin[1] >> 1 & 3
    kbits, rate, padded = begin[2] >> 4, begin[2] >> 2 & 3, begin[2] >> 1 & 1
    if version == 1 or layer == 0 or kbits in (0, 15) or rate == 3:  # none is written so
        return 0
    row = (3, layer) if version == 3 else (2, max(layer, 2))
    bits, hertz = 1000 * KBITS[row][kbits - 1], RATES[version][rate]
    if layer == 3:
        return (12 * bits // hertz + padded) * 4
    return (72 if layer == 1 and version != 3 else 144) * bits // hertz + padded


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
