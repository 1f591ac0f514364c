"""A file or a pipe with one text a line, however long it is: read bit by bit, and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hiddenstate.data.textfile import check_is_there, decode
from hiddenstate.errors import DataError

LONGEST = 2**20  # bytes of a line
READ = 2**18  # bytes that are asked for at once
TOGETHER = 4096  # texts that are given out at once, at most


@dataclass(frozen=True)
class Piece:
    """Some of the texts of a file, in order: those of lines that are not blank."""

    texts: list[str]
    blank: int  # lines among them
    end: int  # bytes gone through so far


def opened(path: Path) -> BinaryIO:
    """Open a file to be read bit by bit; raises DataError where it cannot be."""
    check_is_there(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: could not be read ({error.strerror}). Check its permissions.") from error


def pieces(stream: BinaryIO, where: str) -> Iterator[Piece]:
    """Give out one text a line, in order, as soon as whole lines are there.

    Lines end with \\n, \\r\\n or \\r; blank ones are no texts. Raises DataError for what is not UTF-8, and
    for a line of more than LONGEST bytes, and says in which line.
    """
    rest, before, lines, read = b"", 0, 0, getattr(stream, "read1", stream.read)
    while True:
        try:
            came = read(READ)  # of a pipe: what is there, once there is something
        except OSError as error:
            raise DataError(f"{where}: could not be read to its end ({error.strerror}).") from error
        rest += came
        cut = len(rest)
        if came:
            cut = rest.rfind(b"\n") + 1 or rest.rfind(b"\r", 0, -1) + 1
        if len(rest) - cut > LONGEST:
            line = lines + rest.count(b"\n", 0, cut) + 1
            raise DataError(
                f"{where}: expected one text a line, came over {LONGEST >> 20} MiB without the end of line "
                f"{line}. Divide it, or take it out."
            )
        if cut:
            text = decode(rest[:cut], where, (before, lines)).replace("\r\n", "\n").replace("\r", "\n")
            yield from _divided(text.removesuffix("\n").split("\n"), before, cut)
            lines, before, rest = lines + rest.count(b"\n", 0, cut), before + cut, rest[cut:]
        if not came:
            return


def _divided(lines: list[str], before: int, size: int) -> Iterator[Piece]:
    for start in range(0, len(lines), TOGETHER):
        stripped = [line.strip() for line in lines[start : start + TOGETHER]]
        texts = [line for line in stripped if line]
        done = size * (start + len(stripped)) // len(lines)  # about; the last piece ends where it ends
        yield Piece(texts, len(stripped) - len(texts), before + done)
