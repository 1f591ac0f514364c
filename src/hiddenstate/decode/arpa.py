"""ARPA files: language models as text, one gram a line, as SRILM and KenLM write them."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NoReturn

from hiddenstate.errors import DataError

Gram = tuple[str, ...]
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
LOWEST = -99.0  # the logarithm to base 10 that stands for a probability of 0, as in SRILM
LONGEST_LINE = 2**16  # bytes
MOST_GRAMS = 20_000_000  # of which each takes some 300 bytes in memory
HIGHEST_ORDER = 20
GZIP = b"\x1f\x8b"
CURE = "Make the file again, or copy it again from where it is whole."


def text_of(probabilities: Mapping[Gram, float], backoffs: Mapping[Gram, float]) -> str:
    """An ARPA file's text: the grams of each order in the order of their words."""
    order = max(map(len, probabilities))
    levels = [sorted(gram for gram in probabilities if len(gram) == n) for n in range(1, order + 1)]
    lines = ["\\data\\", *(f"ngram {n}={len(level)}" for n, level in enumerate(levels, 1)), ""]
    for n, level in enumerate(levels, 1):
        lines.append(f"\\{n}-grams:")
        for gram in level:
            backoff = f"\t{backoffs[gram]!r}" if gram in backoffs else ""
            lines.append(f"{probabilities[gram]!r}\t{' '.join(gram)}{backoff}")
        lines.append("")
    return "\n".join([*lines, "\\end\\", ""])


def read(path: Path) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """The probabilities and back-offs of an ARPA file, plain or compressed by gzip.

    Raises DataError for what is no such file or a broken one, with the line.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == GZIP
        with open(path, "rb") as file:
            return _Reader(path, gzip.GzipFile(fileobj=file) if packed else file).grams()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut off: gzip says {error}. {CURE}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


class _Reader:
    """An ARPA file, line by line."""

    def __init__(self, path: Path, file: BinaryIO | gzip.GzipFile) -> None:
        self.path, self.number, self.line = path, 0, ""
        self._lines = self._read(file)
        self.probabilities: dict[Gram, float] = {}
        self.backoffs: dict[Gram, float] = {}

    def grams(self) -> tuple[dict[Gram, float], dict[Gram, float]]:
        while self._next("\\data\\, with which the model begins") != "\\data\\":
            pass
        sizes = self._sizes()
        for n, size in enumerate(sizes, 1):
            if self.line != f"\\{n}-grams:":
                self._wrong(f"\\{n}-grams:")
            self._section(n, size, n == len(sizes))
        if self.line != "\\end\\":
            self._wrong("\\end\\")
        for line in self._lines:
            self.line = line
            self._wrong("nothing behind \\end\\")
        if (END,) not in self.probabilities:
            raise DataError(f"{self.path} has no {END}, so how probable an end is cannot be known. {CURE}")
        return self.probabilities, self.backoffs

    def _sizes(self) -> list[int]:
        """How many grams of each order are announced."""
        sizes: list[int] = []
        while found := re.fullmatch(r"ngram\s+(\d{1,9})\s*=\s*(\d{1,15})", self._next("ngram 1=...")):
            if int(found[1]) != len(sizes) + 1:
                self._wrong(f"ngram {len(sizes) + 1}=...")
            sizes.append(int(found[2]))
        if not sizes:
            self._wrong("ngram 1=...")
        if sum(sizes) > MOST_GRAMS or len(sizes) > HIGHEST_ORDER:
            raise DataError(
                f"{self.path} announces {sum(sizes):,} grams of up to {len(sizes)} words; {MOST_GRAMS:,} of "
                f"up to {HIGHEST_ORDER} can be held. Prune the model."
            )
        return sizes

    def _section(self, n: int, size: int, highest: bool) -> None:
        """The grams of one order, up to the line that begins the next part."""
        count = 0
        while not self._next(f"a gram of {n} words, or the next part").startswith("\\"):
            count += 1
            fields = re.split(r"[ \t]+", self.line)
            if len(fields) not in (n + 1, n + 2):
                self._wrong(f"a logarithm, {n} {'word' if n == 1 else 'words'} and perhaps a back-off")
            gram = tuple(UNKNOWN if word == "<UNK>" else word for word in fields[1 : n + 1])
            probability = self._logarithm(fields[0])
            if probability > 0:
                self._wrong("the logarithm of a probability, at most 0")
            if gram in self.probabilities:
                self._wrong("every gram once")
            if n > 1 and (missing := [word for word in gram if (word,) not in self.probabilities]):
                self._wrong(f"words of \\1-grams:, and {missing[0]!r} is none")
            self.probabilities[gram] = probability
            if len(fields) == n + 2:
                backoff = self._logarithm(fields[-1])
                if highest and backoff:
                    self._wrong(f"no back-off behind the longest grams, of {n} words")
                if not highest:
                    self.backoffs[gram] = backoff
        if count != size:
            raise DataError(
                f"{self.path}, line {self.number}: {size} grams of {n} words were announced, and {count} are "
                f"there. {CURE}"
            )

    def _logarithm(self, field: str) -> float:
        try:
            value = float(field)
        except ValueError:
            value = math.nan
        if math.isnan(value) or value == math.inf:
            self._wrong(f"a number where {field!r} stands")
        return max(value, LOWEST)

    def _next(self, wanted: str) -> str:
        """The next line that is not empty; raises DataError at the end."""
        self.line = next(self._lines, "")
        if not self.line:
            raise DataError(f"{self.path} ends behind line {self.number}, and {wanted} was expected. {CURE}")
        return self.line

    def _read(self, file: BinaryIO | gzip.GzipFile) -> Iterator[str]:
        while raw := file.readline(LONGEST_LINE + 1):
            self.number += 1
            if len(raw) > LONGEST_LINE:
                raise DataError(
                    f"{self.path}, line {self.number} is longer than {LONGEST_LINE} bytes. {CURE}"
                )
            try:
                line = raw.decode("utf-8").strip(" \t\r\n")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self.path}, line {self.number} is not UTF-8. Convert the file first."
                ) from error
            if line:
                yield line

    def _wrong(self, wanted: str) -> NoReturn:
        line = self.line if len(self.line) < 80 else self.line[:77] + "..."
        raise DataError(f"{self.path}, line {self.number}: expected {wanted}, came {line!r}. {CURE}")
