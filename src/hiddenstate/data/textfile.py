"""Bytes on disk -> text, or an error that names the byte, the line and the cure."""

from __future__ import annotations

import codecs
from pathlib import Path

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
        raise DataError(f"{path}: expected rows of text and label, came an empty file. Was it saved?")
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


def decode(content: bytes, where: str, before: tuple[int, int] = (0, 0)) -> str:
    """Decode UTF-8, with or without a byte order mark; so many bytes and lines of the file stood `before`.

    Raises DataError for other encodings and for NUL bytes.

    >>> decode(b"\\xef\\xbb\\xbfna\\xc3\\xafve", "a.csv")
    'naïve'
    """
    first = before == (0, 0)
    if first and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(
            f"{where}: expected UTF-8, came UTF-16 (byte order mark at byte 0). {_cure('utf-16')}"
        )
    if (nul := content.find(0)) >= 0:
        place = _place(content, nul, before)
        raise DataError(
            f"{where}: expected text, came a NUL byte at {place}. The file is damaged, "
            f"binary, or UTF-16. If it is UTF-16: {_cure('utf-16')}"
        )
    try:
        return content.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        # The codec counts behind the byte order mark.
        start = error.start + (len(codecs.BOM_UTF8) if first and content.startswith(codecs.BOM_UTF8) else 0)
        line = content[content.rfind(b"\n", 0, start) + 1 :].split(b"\n", 1)[0]
        likely = "cp1252" if any(0x80 <= byte < 0xA0 for byte in line) else "latin-1"
        seen = line.decode(likely, errors="replace").strip()[:60]
        place = _place(content, start, before)
        raise DataError(
            f"{where}: expected UTF-8, came the byte 0x{content[start]:02X} at {place}. It "
            f"looks like {'Windows-1252' if likely == 'cp1252' else 'Latin-1'} ({seen!r}). {_cure(likely)}"
        ) from error


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
