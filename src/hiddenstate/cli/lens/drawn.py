"""HOW DOES A VIEW LOOK IN A TERMINAL? In signs that it has, within its width, with colour or without.

bars      a word and its share a line
stacked   a state a line, divided among the inputs that it holds: colours, and letters where there is none
shades    an array of two axes, a sign a value
curve     a row of values as columns, their heights in powers of ten where asked
"""

from __future__ import annotations

import math
import string
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hiddenstate.cli import screen
from hiddenstate.lens import palette

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console
    from rich.text import Text

    from hiddenstate.lens.view import Named, View

WIDEST_WORD = 16  # cells of the terminal
LETTERS = string.ascii_lowercase + string.ascii_uppercase
MOST_ROWS = 40  # of a map; more are binned
TALL = 6  # lines of a curve


def opening(on: Console, view: View, called: Mapping[str, str] | None = None) -> None:
    """Print what a view is of, and its verdict; `called` are other names for what stands there in quotes."""
    screen.say(on, screen.printable(view.title))
    if (verdict := view.facts.get("verdict")) is not None:
        verdict = str(verdict)
        for name, other in (called or {}).items():
            verdict = verdict.replace(name, other)
        screen.say(on, screen.printable(verdict))
    screen.say(on)


def closing(on: Console, view: View) -> None:
    """Print how to read a view."""
    if view.reading:
        screen.say(on)
        screen.say(on, screen.printable(" ".join(view.reading)))


def bars(
    on: Console,
    words: Sequence[str],
    shares: Sequence[float],
    numbers: Sequence[str] | None = None,
    places: Sequence[int] | None = None,
    numbered: bool = False,
) -> None:
    """Draw a bar a word for shares from 0 to 1, and a number behind each: the share in percent, or yours.

    `places` gives each bar the colour of the input at a place, as `stacked` has it; `numbered` also its
    number, from 1.
    """
    from rich.text import Text

    names, wide = _names(on, words, places, numbered)
    behind = list(numbers) if numbers is not None else [screen.percent(share) for share in shares]
    most = max(map(len, behind), default=0)
    cells = max(4, on.width - wide - most - 3)
    shades = ["" if places is None else palette.colour(place) for place in places or range(len(names))]
    for name, share, number, shade in zip(names, shares, behind, shades, strict=True):
        drawn = screen.bar(share if math.isfinite(share) else 0.0, cells, on.encoding)
        on.print(Text.assemble(f"{name} ", (drawn, shade), f" {number.rjust(most)}"), soft_wrap=True)


def stacked(on: Console, words: Sequence[str], shares: np.ndarray) -> None:
    """Draw the state after each word as a bar that its inputs divide: shares [T steps, T inputs], 0 to 1.

    Each input is a letter and a colour; where there is no colour its letter fills its part. Of more than 52
    words the last 52 are drawn, and what earlier ones hold is left empty.
    """
    import numpy as np
    from rich.text import Text

    first = max(0, len(words) - len(LETTERS))
    if first:
        screen.say(
            on, f"The last {len(LETTERS)} of {len(words)} words; what earlier ones hold is left empty."
        )
    names, wide = _names(on, words[first:], range(first, len(words)))
    cells = max(8, on.width - wide - 5)
    for step, name in enumerate(names):
        row = np.asarray(shares)[first + step, first:]
        ends = np.round(np.minimum(np.cumsum(row), 1.0) * cells).astype(int)
        line = Text(f"{LETTERS[step]} {name} ")
        start = 0
        for place, end in enumerate(ends):
            line.append_text(_part(LETTERS[place], int(end) - start, palette.colour(place), on))
            start = int(end)
        line.append(("·" if _many_signs(on) else ".") * (cells - start))
        on.print(line, soft_wrap=True)


def shades(on: Console, array: Named, low: float | None = None, high: float | None = None) -> None:
    """Draw an array of two axes, the first down: darker signs, or colours, are larger values.

    What does not fit is binned to means, which the last line says. `?` is what is not finite.
    """
    import numpy as np
    from rich.text import Text

    names, wide = _names(on, array.labels[array.axes[0]])
    room = max(8, on.width - wide - 2)
    values, across = _binned(array.values.astype(np.float64), 1, room)
    values, down = _binned(values, 0, MOST_ROWS)
    finite = values[np.isfinite(values)]
    low = low if low is not None else min(0.0, float(finite.min())) if finite.size else 0.0
    high = high if high is not None else float(finite.max()) if finite.size else 1.0
    cell = max(1, min(6, room // values.shape[1]))
    labels = [writable(on, label, place) for place, label in enumerate(array.labels[array.axes[1]], 1)]
    if across == 1 and cell >= 3 and len(labels) > 1:
        heads = "".join(_fitted(on, label, cell - 1) + " " for label in labels)
        screen.line(on, " " * (wide + 1) + heads.rstrip())
    signs = " ░▒▓█" if _many_signs(on) else " .:-=+*#%@"
    for name, row in zip(names[::down], values, strict=True):
        line = Text(f"{name} ")
        for value in row:
            share = (value - low) / (high - low) if high > low else float(value > low)
            line.append_text(_shade(share, cell, signs, on))
        on.print(line, soft_wrap=True)
    binned = [f"{n} {axis}s" for axis, n in zip(array.axes, (down, across), strict=True) if n > 1]
    sample = f"{_short(low)} {signs} {_short(high)}" if on.color_system is None else ""
    scale = sample or f"light {_short(low)}, dark {_short(high)}"
    screen.say(on, f"{array.axes[0]} down, {array.axes[1]} across: {scale} {array.unit}".rstrip() + ".")
    if binned:
        screen.say(on, f"Each sign is the mean of {' by '.join(binned)}.")


def curve(
    on: Console,
    name: str,
    values: Sequence[float] | np.ndarray,
    across: str = "step",
    log: bool = False,
    first: int = 1,
) -> None:
    """Draw values as columns six lines high, counted from `first`; on a log scale zero has no column.

    `?` is what is not finite.
    """
    import numpy as np

    y = np.asarray(values, np.float64)
    if log:  # a value of zero has no logarithm, and no column
        y = np.where(y > 0, np.log10(np.where(y > 0, y, 1.0)), np.where(y <= 0, -np.inf, np.nan))
    wide, ends = 0, dict[int, str]()
    while not ends or max(map(len, ends.values())) > wide:  # the room depends on the ends, and they on it
        wide = max(map(len, ends.values()), default=0)
        columns, every = _binned(y[None], 1, max(8, on.width - wide - 2))
        finite = columns[np.isfinite(columns)]
        if not finite.size:
            screen.say(on, f"{screen.printable(name)}: no value that can be drawn.")
            return
        high, least = float(finite.max()), float(finite.min())
        low = math.floor(least) if log else min(0.0, least)
        ends = {TALL - 1: _short(10.0**high if log else high), 0: _short(10.0**low if log else low)}
    over = columns[0] - low
    heights = over / (high - low) if high > low else np.where(np.isfinite(over), 1.0, over)
    cell = max(1, min(4, (on.width - wide - 2) // len(heights)))
    screen.say(on, screen.printable(name) + (" (powers of ten)" if log else ""))
    for level in range(TALL - 1, -1, -1):
        drawn = "".join(_column(height, level, on) * cell for height in heights)
        screen.line(on, f"{ends.get(level, '').rjust(wide)} {drawn}".rstrip())
    mean = f", each column the {'geometric ' if log else ''}mean of {every}" if every > 1 else ""
    screen.say(on, f"{across} {first} to {first + len(y) - 1}{mean}", wide + 1)


def writable(on: Console, word: str | int | float, number: int) -> str:
    """Return a word as a terminal can write it on one line; `#3` for a third of letters that it has not."""
    shown = screen.printable(" ".join(str(word).split()))
    written = shown.encode(on.encoding or "ascii", errors="replace").decode(on.encoding or "ascii")
    return shown if written == shown else f"#{number}"


def _names(
    on: Console,
    words: Sequence[str | int | float],
    places: Sequence[int] | None = None,
    numbered: bool = False,
) -> tuple[list[str], int]:
    """Return words of one width, at most a quarter of the terminal; what follows Arabic stays right of it."""
    from rich.cells import cell_len

    numbers = [place + 1 for place in (places if places is not None else range(len(words)))]
    shown = [writable(on, word, number) for word, number in zip(words, numbers, strict=True)]
    if numbered:
        shown = [
            name if name == f"#{number}" else f"{number} {name}"
            for name, number in zip(shown, numbers, strict=True)
        ]
    wide = min(WIDEST_WORD, max(4, on.width // 4), max(map(cell_len, shown), default=0))
    fitted = [_fitted(on, word, wide) for word in shown]
    mark = "\u200e" if _many_signs(on) else ""  # of no width: from here on left to right
    return [name + mark if right_to_left(name) else name for name in fitted], wide


def _fitted(on: Console, word: str, cells: int) -> str:
    return screen.fitted(word, cells).replace("…", "…" if _many_signs(on) else "~")


def right_to_left(text: str) -> bool:
    """Whether a text has letters that are written from right to left."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _many_signs(on: Console) -> bool:
    return "utf" in (on.encoding or "").lower()


def _part(letter: str, cells: int, colour: str, on: Console) -> Text:
    """An input's part of a bar: its colour with its letter in the middle, or its letter all over."""
    from rich.text import Text

    if cells <= 0:
        return Text()
    if on.color_system is None:
        return Text(letter * cells)
    return Text(letter.center(cells), style=f"{palette.ink_on(colour)} on {colour}")


def _shade(share: float, cells: int, signs: str, on: Console) -> Text:
    from rich.text import Text

    if not math.isfinite(share):
        return Text("?" * cells)
    share = min(max(share, 0.0), 1.0)
    if on.color_system is None:
        # all but nothing is seen: the first sign, an empty one, is for exactly nothing
        place = 0 if share == 0 else min(len(signs) - 1, 1 + int(share * (len(signs) - 1)))
        return Text(signs[place] * cells)
    return Text(" " * cells, style=f"on {palette.between(share)}")


def _column(height: float, level: int, on: Console) -> str:
    """The sign of one column on one line: of a height from 0 to 1, six lines tall."""
    if math.isnan(height):
        return "?" if level == 0 else " "
    filled = height * TALL - level
    if level == 0 and math.isfinite(height):
        filled = max(filled, 0.125)  # the smallest value is seen, too
    if _many_signs(on):
        return " ▁▂▃▄▅▆▇█"[int(min(max(filled, 0.0), 1.0) * 8)]
    return "#" if filled >= 0.5 else "." if filled > 0 else " "


def _binned(values: np.ndarray, axis: int, most: int) -> tuple[np.ndarray, int]:
    """Return means of so many neighbours that at most `most` are left, and how many they are."""
    import numpy as np

    every = -(-values.shape[axis] // most)
    if every <= 1:
        return values, 1
    starts = np.arange(0, values.shape[axis], every)
    counts = np.diff([*starts, values.shape[axis]])
    sums = np.add.reduceat(values, starts, axis=axis)
    return sums / (counts if axis == 1 else counts[:, None]), every


def _short(value: float) -> str:
    return f"{value:.2g}"
