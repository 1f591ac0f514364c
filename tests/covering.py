"""Tables too large to be run whole every time: a half of them now, the rest when slow tests are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def rotating(rows: Iterable[Any], turn: int = 0, of: int = 2) -> list[Any]:
    """Every row as a parameter, those off each `of`-th diagonal of the table marked as slow.

    A diagonal has every value of every column. Tests of one table take turns at the diagonals, so that each
    row is run by some of them.
    """
    table = [row if isinstance(row, tuple) else (row,) for row in rows]
    seen: list[dict[str, int]] = [{} for _ in table[0]]
    marked = []
    for row in table:
        place = sum(order.setdefault(repr(value), len(order)) for order, value in zip(seen, row, strict=True))
        marked.append(pytest.param(*row, marks=() if (place - turn) % of == 0 else pytest.mark.slow))
    return marked
