"""What the header of a WAV or AIFF file says, held against itself and against the size of the file."""

from __future__ import annotations

import struct
from pathlib import Path

from hiddenstate.errors import DataError

PLAIN = (
    0x0001,
    0x0003,
    0xFFFE,
)  # integers, floats, and either with an extended header: so many bytes a sample
STREAMED = 0x7FFF0000  # written to a pipe, a header says 0 or a size from here on, as the end was not known
MOST_CHUNKS = 1000


def check(path: Path) -> None:
    """Raise DataError for a WAV or AIFF file that is cut short, or whose rates disagree; else do nothing.

    libsndfile reads such files to where they end, at the rate that stands first, and says nothing.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"FORM":
            _check_size(path, int.from_bytes(head[4:8], "big"), size - 8)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        for _ in range(MOST_CHUNKS):
            chunk = file.read(8)
            if len(chunk) < 8:
                return  # no data: the library says so
            name, length = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"data":
                _check_size(path, length, size - file.tell())
                return
            if name == b"fmt ":
                check_rate(path, file.read(16))
                length = max(0, length - 16)
            file.seek(length + length % 2, 1)


def _check_size(path: Path, announced: int, there: int) -> None:
    if there < announced < STREAMED:
        raise DataError(
            f"{path}: its header announces {announced:,} bytes of samples, {there:,} are there: it is cut "
            "short. Copy it again, or leave it out."
        )
    if announced == 0 and there > 0:
        raise DataError(
            f"{path}: its header announces no samples, {there:,} bytes follow: whoever wrote it did not come "
            "to the end. Mend it: sox --ignore-length FILE.wav NEW.wav"
        )


def check_rate(path: Path, described: bytes) -> None:
    """Raise DataError where the 16 bytes that describe samples speak of two rates."""
    if len(described) < 16:
        return
    kind, channels, rate, a_second, together, bits = struct.unpack("<HHIIHH", described)
    if kind not in PLAIN or not rate or not a_second:
        return
    bytes_each = together or channels * (bits // 8)
    if a_second != rate * bytes_each:
        raise DataError(
            f"{path}: its header contradicts itself: {rate} samples a second of {bytes_each} bytes are "
            f"{rate * bytes_each:,} bytes a second, it says {a_second:,} (which would be "
            f"{a_second / max(1, bytes_each):g} Hz). Write the right rate into it: sox -r RATE FILE.wav "
            "NEW.wav"
        )
