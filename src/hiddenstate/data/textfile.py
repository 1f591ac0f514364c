"""Bytes on disk -> text, or an error that names the byte, the line and the cure."""

from __future__ import annotations

import codecs
from pathlib import Path

from hiddenstate.data.faults import Fault, Tell, refuse
from hiddenstate.errors import DataError


def load(path: Path) -> bytes:
    """Read a whole data file.

    Raises DataError where there is none, where it is a folder, empty, or may not be read.
    """
    check_is_there(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: could not be read ({error.strerror}). Check its permissions.") from error
    if not content.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise DataError(f"{path}: expected lines of text, came an empty file. Was it saved?")
    return content


def check_is_there(path: Path) -> None:
    """Raise DataError where a path is a folder, or nothing."""
    if path.is_dir():
        raise DataError(
            f"{path}: expected a data file, came a folder. Name one of its files: {_listed(path)}."
        )
    if not path.exists():
        beside = _listed(path.parent) if path.parent.is_dir() else "that folder does not exist either"
        raise DataError(f"{path}: there is no such file. Beside it: {beside}.")


def decode(content: bytes, where: str, before: tuple[int, int] = (0, 0), tell: Tell = refuse) -> str:
    """Decode UTF-8, with or without a byte order mark; so many bytes and lines of the file stood `before`.

    Other encodings and NUL bytes are told, with their lines; where `tell` returns, the encoding is guessed
    for the lines that are not UTF-8, and NULs are left out. Raises DataError where nobody else is told.

    >>> decode(b"\\xef\\xbb\\xbfna\\xc3\\xafve", "a.csv")
    'naïve'
    """
    first = before == (0, 0)
    if first and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        words = f"{where}: expected UTF-8, came UTF-16 (byte order mark at byte 0). {_cure('utf-16')}"
        tell(Fault("encoding", words))
        return content.decode("utf-16", errors="replace")
    if (nul := content.find(0)) >= 0:
        lines = [number for number, line in enumerate(content.splitlines(), 1) if 0 in line]
        words = (
            f"{where}: expected text, came a NUL byte at {_place(content, nul, before)}. The file is "
            f"damaged, binary, or UTF-16. If it is UTF-16: {_cure('utf-16')}"
        )
        if (wide := _without_mark(content)) is not None:
            words = f"{where}: expected UTF-8, came UTF-16 without a byte order mark. {_cure(wide)}"
            tell(Fault("encoding", words))
            return content.decode(wide, errors="replace")
        tell(Fault("encoding", words, tuple(lines), "holds a NUL byte"))
        content = content.replace(b"\0", b"")
    try:
        return content.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        # The codec counts behind the byte order mark.
        marked = first and content.startswith(codecs.BOM_UTF8)
        return _decode_lines(content, where, error.start + len(codecs.BOM_UTF8) * marked, before, tell)


def _without_mark(content: bytes) -> str | None:
    """Name the UTF-16 without a byte order mark that most other bytes being NUL speak of."""
    halves = {"utf-16-be": content[::2], "utf-16-le": content[1::2]}
    return next((name for name, half in halves.items() if half.count(0) > 0.7 * len(half)), None)


def _decode_lines(content: bytes, where: str, start: int, before: tuple[int, int], tell: Tell) -> str:
    """Decode line by line what is not UTF-8 as a whole; `start` is the first byte that is not."""
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    bad = [place for place, line in enumerate(lines) if not _is_utf8(line)]
    others = any(not line.isascii() and _is_utf8(line) for line in lines)
    likely = "cp1252" if any(0x80 <= byte < 0xA0 for place in bad for byte in lines[place]) else "latin-1"
    looks = f"looks like {'Windows-1252' if likely == 'cp1252' else 'Latin-1'}"
    seen = lines[bad[0]].decode(likely, errors="replace").strip()[:60]
    more = f"; {len(bad):,} lines are so" if len(bad) > 1 else ""
    tell(
        Fault(
            "encoding",
            f"{where}: expected UTF-8, came the byte 0x{content[start]:02X} at "
            f"{_place(content, start, before)}. It {looks} ({seen!r}){more}. "
            + ("Other lines are UTF-8: correct these lines alone." if others else _cure(likely)),
            tuple(place + 1 for place in bad),
            looks,
        )
    )
    wrong = set(bad)
    return "".join(
        line.decode(likely if place in wrong else "utf-8", errors="replace")
        for place, line in enumerate(lines)
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _place(content: bytes, offset: int, before: tuple[int, int]) -> str:
    line = content.count(b"\n", 0, offset) + 1
    return f"byte {before[0] + offset} (line {before[1] + line})"


def _cure(encoding: str) -> str:
    return (
        "Save it as UTF-8, or convert it: python -c \"from pathlib import Path; p = Path('FILE'); "
        f"p.write_text(p.read_text(encoding='{encoding}'), encoding='utf-8')\""
    )


def _listed(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "nothing"
