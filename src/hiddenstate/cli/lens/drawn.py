"""HOW DOES A VIEW LOOK IN A TERMINAL? In signs that it has, within its width, with colour or without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hiddenstate.cli import screen

if TYPE_CHECKING:
    from rich.console import Console

WIDEST_WORD = 16  # cells of the terminal


def bars(
    on: Console, words: Sequence[str], shares: Sequence[float], numbers: Sequence[str] | None = None
) -> None:
    """Draw a bar a word for shares from 0 to 1, and a number behind each: the share in percent, or yours."""
    from rich.cells import cell_len

    shown = [screen.printable(word) for word in words]
    wide = min(WIDEST_WORD, max(map(cell_len, shown), default=0))
    behind = list(numbers) if numbers is not None else [screen.percent(share) for share in shares]
    most = max(map(len, behind), default=0)
    cells = max(4, on.width - wide - most - 3)
    for word, share, number in zip(shown, shares, behind, strict=True):
        drawn = screen.bar(share, cells, on.encoding)
        screen.line(on, f"{screen.fitted(word, wide)} {drawn} {number.rjust(most)}")
