"""Word vectors from a file: only the rows of the words asked for, however large the file. NumPy only.

Text (.vec of fastText, .txt of GloVe or word2vec, with a first line of sizes or without): a word and its
numbers a line. NumPy (.npz): `words` [N] strings and `vectors` [N, W]. Nothing in a file is executed.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from hiddenstate.errors import DataError, InvalidArgument

KINDS = (".vec", ".txt", ".npz")
LONGEST = 1 << 20  # bytes of a line: 100,000 numbers
TOGETHER = 4096  # rows of an .npz that are held at once


@dataclass(frozen=True)
class WordVectors:
    """The vectors found: `values` [n, W] of the words at `places` [n] of those asked for."""

    places: np.ndarray
    values: np.ndarray

    @property
    def width(self) -> int:
        """W."""
        return int(self.values.shape[1])


def read_vectors(path: str | Path, words: Sequence[str]) -> WordVectors:
    """Read the vectors of some words; a word that the file has only with capitals is taken from there.

    Raises InvalidArgument for a file that is missing or of another kind; DataError for one that is not what
    its name says, naming the line that has another width or is no row of numbers.
    """
    file = _checked(path)
    place = {word: index for index, word in enumerate(words)}
    exact: dict[int, np.ndarray] = {}
    folded: dict[int, np.ndarray] = {}
    for word, row in _of_npz(file, place) if file.suffix == ".npz" else _of_text(file, place):
        if word in place:
            exact.setdefault(place[word], row)
        else:
            folded.setdefault(place[word.casefold()], row)  # the first is the most frequent
    found = {**folded, **exact}
    places = np.array(sorted(found), dtype=np.int64)
    values = np.zeros((len(places), width_of(file)), dtype=np.float32)
    for index, at in enumerate(places.tolist()):
        values[index] = found[at]
    return WordVectors(places, values)


def width_of(path: str | Path) -> int:
    """The width W of a file's vectors; raises as `read_vectors` does."""
    file = _checked(path)
    if file.suffix == ".npz":
        with _opened(file) as archive:
            return _header(archive, "vectors", file)[1][1]
    with file.open("rb") as lines:
        first = _line(lines, 1, file)
        sizes = _sizes(first)
        return sizes if sizes is not None else _width(first, file)


def _checked(path: str | Path) -> Path:
    file = Path(path)
    if file.suffix not in KINDS:
        raise InvalidArgument(
            f"--vectors expects a file of {', '.join(KINDS)}, came {file.name!r}; save the vectors as text "
            "(a word and its numbers a line), or as .npz with `words` and `vectors`"
        )
    if not file.is_file():
        raise InvalidArgument(f"--vectors: there is no file {file}; correct the path")
    return file


# --- text ---


def _of_text(file: Path, wanted: dict[str, int]) -> Iterator[tuple[str, np.ndarray]]:
    """The rows of wanted words, in the file's order; of all others only the width is looked at."""
    with file.open("rb") as lines:
        number, line = 1, _line(lines, 1, file)
        width = _sizes(line)
        if width is None:
            width = _width(line, file)
        else:
            number, line = 2, _line(lines, 2, file)
        while line:
            gaps = line.count(b" ")
            if gaps != width:
                line = _in_order(line, width, number, file)
            # bytes that are no UTF-8 make a word that no vocabulary has
            word = line[: line.index(b" ")].decode("utf-8", "replace")
            if word in wanted or word.casefold() in wanted:
                yield word, _numbers(line.split(b" ")[1:], number, file)
            number, line = number + 1, _line(lines, number + 1, file)


def _line(lines: IO[bytes], number: int, file: Path) -> bytes:
    """The next line, with one space between its parts; empty at the end of the file."""
    line = lines.readline(LONGEST)
    if len(line) == LONGEST and not line.endswith(b"\n"):
        raise DataError(f"{file}, line {number}: longer than {LONGEST:,} bytes; no file of word vectors")
    stripped = line.replace(b"\t", b" ").strip(b" \r\n")
    if line and not stripped:
        raise DataError(f"{file}, line {number}: expected a word and its numbers, came an empty line")
    return stripped


def _sizes(line: bytes) -> int | None:
    """The width that a first line of sizes gives, None where it is a row."""
    parts = line.split(b" ")
    return int(parts[1]) if len(parts) == 2 and all(part.isdigit() for part in parts) else None


def _width(line: bytes, file: Path) -> int:
    """How many numbers end a first row."""
    if not line:
        raise DataError(f"{file} is empty; expected a word and its numbers a line")
    count = len(line.split(b" ")) - 1
    if count < 1:
        raise DataError(f"{file}, line 1: expected a word and its numbers, came {_shown(line)}")
    _numbers(line.split(b" ")[1:], 1, file)
    return count


def _in_order(line: bytes, width: int, number: int, file: Path) -> bytes:
    """A line whose word has spaces, which some files have, with those joined; else raises DataError."""
    parts = line.split(b" ")
    if len(parts) > width + 1 and not _is_number(parts[-width - 1]):
        return b" ".join([b"_".join(parts[:-width]), *parts[-width:]])
    raise DataError(
        f"{file}, line {number}: expected a word and {width} numbers as in the lines before, came "
        f"{len(parts) - 1}: {_shown(line)}; the file is damaged or was cut off"
    )


def _is_number(part: bytes) -> bool:
    try:
        return math.isfinite(float(part))
    except ValueError:
        return False


def _numbers(parts: Sequence[bytes], number: int, file: Path) -> np.ndarray:
    if not all(_is_number(part) for part in parts):
        wrong = next(part for part in parts if not _is_number(part))
        raise DataError(f"{file}, line {number}: expected numbers behind the word, came {_shown(wrong)}")
    return np.array([float(part) for part in parts], dtype=np.float32)


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return repr(text if len(text) <= 40 else text[:39] + "…")


# --- NumPy ---


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{file} is no .npz: {error}; write it with numpy.savez") from error


def _header(archive: zipfile.ZipFile, name: str, file: Path) -> tuple[np.dtype, tuple[int, ...], IO[bytes]]:
    """Type and shape of one array, and its bytes; never an object, which could run code."""
    if f"{name}.npy" not in archive.namelist():
        raise DataError(f"{file} has no array {name!r}; expected `words` and `vectors` (numpy.savez)")
    member = archive.open(f"{name}.npy")
    try:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, by_columns, kind = read[version](member)
    except (ValueError, KeyError) as error:
        raise DataError(f"{file}: {name!r} is no array that can be read: {error}") from error
    right = kind.kind == "U" if name == "words" else kind.kind == "f"
    dimensions = 1 if name == "words" else 2
    if not right or len(shape) != dimensions or (by_columns and dimensions == 2) or 0 in shape:
        wanted = "strings [N]" if name == "words" else "floating-point numbers [N, W], row by row"
        raise DataError(
            f"{file}: expected {name!r} to hold {wanted}, came {kind} {list(shape)}"
            f"{', column by column' if by_columns and dimensions == 2 else ''}; convert it and save again"
        )
    return kind, shape, member


def _of_npz(file: Path, wanted: dict[str, int]) -> Iterator[tuple[str, np.ndarray]]:
    with _opened(file) as archive:
        letters, (count,), of_words = _header(archive, "words", file)
        kind, (rows, width), of_vectors = _header(archive, "vectors", file)
        if rows != count:
            raise DataError(
                f"{file}: expected a vector for each of {count} words, came {rows}; save it again"
            )
        for start in range(0, count, TOGETHER):
            size = min(TOGETHER, count - start)
            words = _chunk(of_words, letters, size, file)
            values = _chunk(of_vectors, kind, size * width, file).reshape(size, width)
            for index, word in enumerate(words.tolist()):
                if word in wanted or word.casefold() in wanted:
                    if not np.isfinite(values[index]).all():
                        raise DataError(
                            f"{file}, row {start + index}: {word!r} has a number that is not finite"
                        )
                    yield word, values[index].astype(np.float32)


def _chunk(member: IO[bytes], kind: np.dtype, count: int, file: Path) -> np.ndarray:
    data = member.read(count * kind.itemsize)
    if len(data) != count * kind.itemsize:
        raise DataError(f"{file} ends too early: it was cut off; copy it again")
    return np.frombuffer(data, dtype=kind)
