"""Where in the data is the state as it is here? Spans of texts whose states end closest to that of a span.

Letters: T steps, B texts, W units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.errors import InvalidArgument, nearest

DISTANCES = ("cosine", "euclidean")
AROUND = 6  # words told on either side of a span


@dataclass(frozen=True)
class Search:
    """Words `first` to `last` of a text, counted from 1; how many like them to find, by which distance.

    Raises InvalidArgument for what is no span, count or distance.
    """

    first: int
    last: int
    count: int = 10
    distance: str = "cosine"

    def __post_init__(self) -> None:
        for value in (self.first, self.last, self.count):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidArgument(
                    f"a span is from word to word, counted from 1, and at least 1 place is looked for; came "
                    f"{self.first!r}:{self.last!r} and {self.count!r}"
                )
        if self.last < self.first:
            raise InvalidArgument(
                f"the span {self.first}:{self.last} ends before it begins; write {self.last}:{self.first}"
            )
        if self.distance not in DISTANCES:
            raise InvalidArgument(f"unknown distance {self.distance!r}; {nearest(self.distance, DISTANCES)}")

    @classmethod
    def of(cls, span: Search | str | tuple[int, int], count: int = 10, distance: str = "cosine") -> Search:
        """Read a span: "2:4" or (2, 4) are words 2 to 4, "3" is the third alone.

        >>> Search.of("2:4").length, Search.of("3").last
        (3, 3)
        """
        if isinstance(span, Search):
            return span
        first, last = span if isinstance(span, tuple) and len(span) == 2 else (None, None)
        if isinstance(span, str) and (match := re.fullmatch(r"\s*(\d{1,9})\s*(?::\s*(\d{1,9})\s*)?", span)):
            first, last = int(match[1]), int(match[2] or match[1])
        if first is None or last is None:
            raise InvalidArgument(f"expected a span such as 2:4, words 2 to 4 counted from 1, came {span!r}")
        return cls(first, last, count, distance)

    @property
    def length(self) -> int:
        """How many words the span has."""
        return self.last - self.first + 1


def distances(states: np.ndarray, target: np.ndarray, kind: str) -> np.ndarray:
    """How far states [..., W] are from a target [W]; cosine of a state of nothing but zeros is 1.

    >>> distances(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1.0, 0.0]), "cosine").tolist()
    [0.0, 1.0]
    """
    if kind == "euclidean":
        return np.asarray(np.sqrt(((states - target) ** 2).sum(-1)))
    sizes = np.sqrt((states * states).sum(-1)) * np.sqrt((target * target).sum())
    along = np.zeros(sizes.shape)
    np.divide(states @ target, sizes, out=along, where=sizes > 0)
    return np.asarray(np.maximum(1 - along, 0.0))


class Nearest:
    """The best place of each text, of those the closest; a text that is there several times counts once."""

    def __init__(self, search: Search, target: np.ndarray, own: tuple[str, ...]) -> None:
        self.search, self.target, self.own = search, target, own
        self._found: dict[tuple[str, ...], dict[str, Any]] = {}

    def add(self, states: np.ndarray, words: tuple[tuple[str, ...], ...], labels: list[str]) -> None:
        """Look through states [T, B, W] of texts; the text that is asked about is left out."""
        search = self.search
        away = distances(states, self.target, search.distance)
        ends = np.arange(len(states))[:, None] + 1
        lengths = np.array([len(each) for each in words])
        away[(ends < search.length) | (ends > lengths)] = np.inf
        for column in np.argsort(away.min(0), kind="stable"):
            read, end = words[column], int(away[:, column].argmin()) + 1
            value = float(away[end - 1, column])
            if read == self.own or not np.isfinite(value):
                continue
            if read in self._found:
                self._found[read]["times"] += 1
                continue
            start = end - search.length
            self._found[read] = {
                "distance": value,
                "before": list(read[max(0, start - AROUND) : start]),
                "span": list(read[start:end]),
                "after": list(read[end : end + AROUND]),
                "label": labels[column],
                "words": f"{start + 1}:{end}",
                "times": 1,
            }
        if len(self._found) > 20 * search.count:  # whatever is not among the closest now never will be
            self._found = dict(self._ranked()[: search.count])

    def ranked(self) -> list[dict[str, Any]]:
        """The closest places, the nearest first."""
        return [each for _, each in self._ranked()[: self.search.count]]

    def _ranked(self) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
        return sorted(self._found.items(), key=lambda pair: pair[1]["distance"])
