"""Strings of the embedded Reber grammar (Hochreiter & Schmidhuber, 1997): B (T Reber T | P Reber P) E.

A Reber string is B, then a walk through the graph below. Whoever predicts the last symbol but one must
remember the second through the whole string between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiddenstate.errors import InvalidArgument

SYMBOLS = "BTSXPVE"
# Node -> the symbols that may come next, each with the node it leads to; node 6 is the end.
GRAPH: tuple[dict[str, int], ...] = (
    {"T": 1, "P": 2},
    {"S": 1, "X": 3},
    {"T": 2, "V": 4},
    {"X": 2, "S": 5},
    {"P": 3, "V": 5},
    {"E": 6},
)


@dataclass(frozen=True, slots=True)
class ReberString:
    """A string and, for each of its symbols but the last, the sorted symbols that may follow there."""

    symbols: str
    following: tuple[str, ...]


def embedded(count: int, seed: int) -> tuple[ReberString, ...]:
    """Draw `count` different strings, each branch with probability one half.

    Raises InvalidArgument for a count below 0.

    >>> [string.symbols for string in embedded(2, seed=0)]
    ['BPBTXSEPE', 'BTBPTTTVVETE']
    """
    if count < 0:
        raise InvalidArgument(f"count: expected 0 or more strings, came {count}")
    generator = np.random.default_rng(seed)
    strings: dict[str, ReberString] = {}
    while len(strings) < count:
        string = _draw(generator)
        strings.setdefault(string.symbols, string)
    return tuple(strings.values())


def _draw(generator: np.random.Generator) -> ReberString:
    outer = "TP"[generator.integers(2)]
    symbols, following, node = f"B{outer}B", ["PT", "B", "PT"], 0
    while node != 6:
        choices = sorted(GRAPH[node])
        symbol = choices[generator.integers(len(choices))]
        symbols += symbol
        node = GRAPH[node][symbol]
        following.append("".join(sorted(GRAPH[node])) if node != 6 else outer)
    return ReberString(f"{symbols}{outer}E", (*following, "E"))
