"""The row of circles: the state after each step, filled with the colours of the inputs it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hiddenstate.errors import InvalidArgument
from hiddenstate.lens import palette
from hiddenstate.lens.drawing.sheet import fit
from hiddenstate.lens.drawing.words import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

MOST = 40  # circles; a longer sequence is a heat map's
IN_A_ROW, LEAST_IN_A_ROW = 10, 7
RADIUS, ROW = 0.43, 1.62  # in widths of a place: a circle, number and word below it
CELL = 0.78  # inches of a place


def size(steps: int) -> tuple[float, float]:
    """Return the inches that so many circles take, their line of explanation included."""
    columns = _columns(steps)
    return max(6.0, CELL * IN_A_ROW), CELL * IN_A_ROW / columns * ROW * math.ceil(steps / columns) + 0.35


def circles(axes: Axes, shares: np.ndarray, words: Sequence[str], title: str | None = None) -> None:
    """Draw the state after each step t as a circle whose parts are the inputs' shares of it.

    `shares` [T steps, T inputs] are at least 0, and a step's sum to 1 at most: what is left stays white.
    Parts are stacked, the first input at the bottom, and each has exactly its share of the circle's area.
    Raises InvalidArgument for other shares, and for more than 40 steps.
    """
    shares = np.asarray(shares, np.float64)
    steps = len(words)
    if shares.shape != (steps, steps) or not 1 <= steps <= MOST:
        raise InvalidArgument(
            f"circles are drawn for 1 to {MOST} words and shares of {[steps, steps]}; came {steps} words and "
            f"{list(shares.shape)}. Draw longer ones as a heat map."
        )
    if not (np.isfinite(shares).all() and shares.min() >= 0 and shares.sum(1).max() <= 1 + 1e-6):
        raise InvalidArgument("shares are at least 0, and those of a step sum to 1 at most; came others.")
    columns = _columns(steps)
    axes.set_aspect("equal")
    axes.set_axis_off()
    spare = max(0, columns - steps) / 2  # one short row stands in the middle
    axes.set_xlim(-spare, columns - spare)
    axes.set_ylim(-ROW * math.ceil(steps / columns), 0)
    axes.set_title(
        "Each circle is the state after its word; the area of each colour is the share of the word of "
        "that number."
        if title is None
        else title,
        fontsize=9,
        loc="left",
    )
    labels = shown(words)
    written = []
    for step in range(steps):
        x, y = step % columns + 0.5, -(step // columns) * ROW - 0.5
        _circle(axes, x, y, shares[step])
        shade = palette.colour(step)
        badge = {"boxstyle": "round,pad=0.25", "facecolor": shade, "edgecolor": "black", "linewidth": 0.4}
        ink = palette.ink_on(shade)
        axes.text(x, y - 0.63, str(step + 1), ha="center", va="center", size=7.5, color=ink, bbox=badge)
        word = axes.text(
            x,
            y - 0.87,
            labels[step],
            ha="center",
            va="center",
            size=9,
            color=palette.as_text(shade),
        )
        written.append(word)
    for part in (*axes.texts, *axes.patches):
        part.set_in_layout(False)  # all of it is inside: the layout need not measure a thousand parts
    fit(axes, lambda: _shorten(axes, written))


def _columns(steps: int) -> int:
    """Return how many stand in a row: rows of nearly the same length."""
    rows = math.ceil(steps / IN_A_ROW)
    return max(LEAST_IN_A_ROW, math.ceil(steps / rows))


def _circle(axes: Axes, x: float, y: float, shares: np.ndarray) -> None:
    from matplotlib.patches import Circle, Rectangle

    outline = Circle((x, y), RADIUS, facecolor="white", edgecolor="none")
    axes.add_artist(outline)
    edges = np.minimum(np.cumsum(np.concatenate([[0.0], shares])), 1.0)
    heights = y + RADIUS * level(edges)
    for place, (low, high) in enumerate(pairwise(heights)):
        if high - low <= 0:
            continue
        band = Rectangle(
            (x - RADIUS, low),
            2 * RADIUS,
            high - low,
            facecolor=palette.colour(place),
            edgecolor="white",
            linewidth=0.5,
        )
        axes.add_artist(band)
        band.set_clip_path(outline)
        # its number, where there is room for one: 7 points of 0.78 inches
        middle = (low + high) / 2
        width = 2 * math.sqrt(max(0.0, RADIUS**2 - (middle - y) ** 2))
        if high - low >= 0.15 and width >= 0.2:
            ink = palette.ink_on(palette.colour(place))
            axes.text(x, middle, str(place + 1), ha="center", va="center_baseline", size=7, color=ink)
    axes.add_artist(Circle((x, y), RADIUS, facecolor="none", edgecolor="#333333", linewidth=0.8))


def level(share: np.ndarray) -> np.ndarray:
    """Return the height, from -1 to 1, below which a share of the unit circle's area lies.

    >>> level(np.array([0.0, 0.25, 1.0])).round(4).tolist()
    [-1.0, -0.404, 1.0]
    """
    angles = np.linspace(0.0, math.pi, 4097)  # of the chord, from the bottom: area = (a - sin a cos a) / pi
    areas = (angles - np.sin(angles) * np.cos(angles)) / math.pi
    return -np.cos(np.interp(share, areas, angles))


def _shorten(axes: Axes, words: Sequence[Text]) -> None:
    """Set long words smaller, and cut what is still too long for its place."""
    import regex

    room = axes.transData.transform((0.96, 0))[0] - axes.transData.transform((0, 0))[0]
    for word in words:
        for points in (8.0, 7.0):
            if word.get_window_extent().width > room:
                word.set_fontsize(points)
        letters = regex.findall(r"\X", word.get_text().removesuffix("…"))
        while word.get_window_extent().width > room and len(letters) > 1:
            letters.pop()
            word.set_text("".join(letters) + "…")
